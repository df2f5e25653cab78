/** Claims about logs that two processes want: those that share them, and those of which only one has them. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, positionsOf } from '../log-hold.ts'
import { unique } from './positions.ts'

const WHOEVER = 'One entry or more that were committed, whoever appended them, oldest first.'
const IN_ORDER = 'The log calls it in the order of the log, and never again after `close` or `stop`.'
const WAITS =
  'A log that other processes append to may know less than the client, because a replica lags. It waits for the ' +
  'position, within a bound, before it answers `ahead`.'
const KEPT =
  'While an entry with the same `dedupeId` is kept or on its way, it answers the position of that one and adds ' +
  'nothing.'
const END =
  'Writes the end behind all entries, waits for the appends that are under way, and tells it to all tails, in ' +
  'every process.'
const LOST =
  'The log cannot tell what came after `position`, the last one that it told. What it tells next does not follow ' +
  'what it told before. The feed reads what is missing with `page`, so nothing is lost that the log still keeps.'
const ONE_ONLY = 'A log that can be used by one process only fails while another one has it open.'
const AGAIN = 'Where it fails, the log was not opened, and it may be called again.'
const GIVES_UP =
  'Gives up this process\'s hold on the log, after the appends that are under way. The history stays where it ' +
  'outlives the process.'

export const processClaims: readonly LogClaim[] = [
  claim('all processes are told all entries, in one order', {
    'TailListener.entries': WHOEVER,
    TailListener: IN_ORDER
  }, ['join'], async (probe) => {
    const one = await probe.make()
    const two = await (await probe.joined(one)).open()
    const appended = await Promise.all(numbers(20).map((number) => (number % 2 === 0 ? one : two).append(number)))
    for (const { told } of [one, two]) {
      await told.until(() => told.list.length >= 20, 'that each process is told the 20 entries of both')
    }
    promiseSame(two.told.positions, one.told.positions, 'that both processes are told the same order')
    promiseSame(positionsOf(await two.all()), one.told.positions, 'that the log has the order that was told')
    unique(appended)
    promiseSame([...one.told.positions].sort(), [...appended].sort(), 'that the tails are told what was appended')
  }),

  claim('a position that another process was given is found', { 'EventLog.locate': WAITS }, ['join'], async (probe) => {
    const one = await probe.make()
    const two = await (await probe.joined(one)).open()
    for (const number of numbers(10)) {
      const position = await two.append(number)
      await one.isFound(position, 'a position that another process was just given')
    }
    promiseSame(jsonsOf(await one.all()), numberTexts(10), 'that all is read in the end')
  }),

  claim('a dedupeId holds across processes', { 'EventLog.append': KEPT }, ['join'], async (probe) => {
    const one = await probe.make()
    const two = await (await probe.joined(one)).open()
    const [first, second] = await Promise.all([one.append('a', { dedupeId: 'a' }), two.append('a', { dedupeId: 'a' })])
    promise(first === second, `that both are answered ${shown(first)}`, () => shown(second))
    promiseSame(jsonsOf(await two.all()), ['"a"'], 'that the event is added once')
  }),

  claim('the end is told in every process', { 'EventLog.end': END }, ['join'], async (probe) => {
    const one = await probe.make()
    const two = await (await probe.joined(one)).open()
    await two.append(1)
    await one.end()
    await two.told.until(() => two.told.ends === 1, 'that the end is told in the other process')
    promiseSame(two.told.jsons, ['1'], 'that it is told after all entries')
    await two.isRefused('append() after the end by another process', 'FST_EVENTFEED_FEED_ENDED',
      (log) => log.append({ event: 'message', json: '2', keys: [], at: probe.now() }))
  }),

  claim('close leaves the other processes as they are', { 'EventLog.close': GIVES_UP }, ['join'], async (probe) => {
    const one = await probe.make()
    const two = await (await probe.joined(one)).open()
    await one.append(1)
    await one.close()
    await two.append(2)
    await two.told.until(() => two.told.jsons.includes('2'), 'that the tail of the other process goes on')
    promiseSame(jsonsOf(await two.all()), ['1', '2'], 'that the other process reads and writes on')
  }),

  claim('a tail that has lost entries says so, and pages have them', {
    'TailListener.lost': LOST
  }, ['join', 'loseTail'], async (probe) => {
    const one = await probe.make()
    const two = await (await probe.joined(one)).open()
    const last = await one.append(1)
    const found = probe.loseTail(one)
    await two.appendAll([2, 3])
    await probe.quiet()
    found()
    const { told } = one
    await told.until(() => told.lostAt.length > 0, 'that the tail says that it has lost entries')
    promiseSame(told.lostAt, [last], 'that lost() names the last position that was told')
    promiseSame(jsonsOf(await one.after(last)), ['2', '3'], 'that pages have what was lost')
    await two.append(4)
    await told.until(() => told.jsons.includes('4'), 'that the tail goes on')
    const later = told.jsons.slice(told.lostAfter[0])
    promiseSame(later, numberTexts(4).slice(-later.length), 'that what is told from then on has no hole')
  }),

  claim('a log that one process has open is refused to another, until it is closed', {
    'EventLog.tail': `${AGAIN} ${ONE_ONLY}`
  }, ['rival'], async (probe) => {
    const hold = await probe.make()
    await hold.append(1)
    const rival = await probe.rivalOf(hold)
    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await rival.failureOf('tail()', (log) => log.tail(probe.listener(), { entries: 10, bytes: 1000 }))
      const isFailure = failure instanceof Error && !('promised' in failure)
      promise(isFailure, 'that tail() fails while another process has the log open',
        () => failure === undefined ? 'an answer' : String(failure))
    }
    await hold.append(2)
    promiseSame(hold.told.jsons, ['1', '2'], 'that the process that has it open goes on')
    await hold.close()
    await rival.open()
    promiseSame(jsonsOf(await rival.all()), ['1', '2'], 'that the other process may open it then')
  })
]
