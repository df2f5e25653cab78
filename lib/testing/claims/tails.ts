/** Claims about what a tail tells, when it begins and later. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import type { LogEntry } from '../../log/contract.ts'
import { started } from '../asker.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, positionsOf, type Hold, type Newest } from '../log-hold.ts'
import type { Probe } from '../log-probe.ts'
import type { Told } from '../told.ts'

const PREFILL =
  'First the listener is told the newest entries that are kept: as many as `newest` says, by count and by bytes ' +
  'of JSON text, or fewer.'
const LIVE =
  'Then `tail` answers, and from now on the listener hears each entry that is committed, once, and in the order ' +
  'of the log.'
const ONE_MORE = 'On a log that is open it begins one more tail, which is told the newest entries too.'
const BEFORE =
  'The position just before the first entry that was told; the head, where none was told before `tail` answered.'
const IN_ORDER = 'The log calls it in the order of the log, and never again after `close` or `stop`.'
const BATCH =
  'One entry or more that were committed, whoever appended them, oldest first. The first one follows the last one ' +
  'of the call before, unless `lost` came in between.'
const OPENS = 'Opens the log, and follows it.'
const HEARS = 'Hears what comes to stand in a log.'
const STOP = 'Ends it: the listener is not called any more. A second call does nothing.'

export const tailClaims: readonly LogClaim[] = [
  claim('the tail of an empty log begins at its head', { 'Tail.before': BEFORE }, [], async (probe) => {
    const hold = await probe.make()
    const { before } = await hold.earliest()
    promise(hold.before === before, `that the tail begins at the head, ${shown(before)}`, () => shown(hold.before))
    promise(hold.told.list.length === 0, 'that the tail of an empty log tells nothing',
      () => `${hold.told.list.length} entries`)
  }),

  claim('a tail is told each entry once, in the order of the log', {
    'EventLog.tail': OPENS,
    TailListener: `${HEARS} ${IN_ORDER}`,
    'TailListener.entries': BATCH
  }, [], async (probe) => {
    const hold = await probe.make()
    const positions = await hold.appendAll(numbers(30))
    for (const number of [31, 32, 33]) positions.push(await hold.append(number))
    await hold.told.until(() => hold.told.list.length >= 33, 'that the tail tells all 33 entries')
    await probe.quiet()
    promiseSame(hold.told.jsons, numberTexts(33), 'that the tail tells each entry, in order')
    promiseSame(hold.told.positions, positions, 'that the tail tells the positions that append() answered')
    promiseSame(positionsOf(await hold.all()), positions, 'that pages have the order of the tail')
  }),

  claim('a tail is told the newest entries that are kept before it answers', {
    'EventLog.tail': `${PREFILL} … ${ONE_MORE}`,
    'Tail.before': BEFORE
  }, [], async (probe) => {
    const hold = await probe.make({ entries: 12 })
    await hold.appendAll(numbers(15))
    for (const entries of [1, 4, 12, 100]) {
      const told = await prefilled(probe, hold, { entries, bytes: Infinity })
      promise(told.list.length <= entries, `that the tail is told ${entries} entries at most`,
        () => `${told.list.length} entries`)
    }
  }),

  claim('a tail is told no more bytes first than it asked for', { 'EventLog.tail': PREFILL }, [], async (probe) => {
    const hold = await probe.make()
    // two bytes each character: what counts is the text as UTF-8
    await hold.appendAll(numbers(10).map(() => 'é'.repeat(500)))
    for (const bytes of [1001, 1002, 3500, 100_000]) {
      const told = await prefilled(probe, hold, { entries: 100, bytes })
      const sum = told.jsons.reduce((sum, json) => sum + new TextEncoder().encode(json).length, 0)
      promise(sum <= bytes, `that the tail is told at most ${bytes} bytes of JSON text first`, () => `${sum} bytes`)
    }
  }),

  claim('a tail that asks for no entries begins at the head', {
    'EventLog.tail': PREFILL,
    'Tail.before': BEFORE
  }, [], async (probe) => {
    const hold = await probe.make()
    await hold.appendAll(numbers(3))
    const told = await prefilled(probe, hold, { entries: 0, bytes: 0 })
    promise(told.list.length === 0, 'that the tail is told nothing before it answers',
      () => `${told.list.length} entries`)
    await hold.append(4)
    await told.until(() => told.list.length > 0, 'that the tail tells what is appended later')
    promiseSame(told.jsons, ['4'], 'that the tail tells what is appended later, and nothing else')
  }),

  claim('a tail that begins while appends are under way loses none and doubles none', {
    'EventLog.tail': LIVE,
    'TailListener.entries': BATCH
  }, [], async (probe) => {
    const hold = await probe.make()
    await hold.appendAll(numbers(10))
    const late = probe.listener()
    const together = hold.appendAll(numbers(10).map((number) => number + 10))
    const tail = started(hold.tail(late, { entries: 5, bytes: Infinity }))
    const more = hold.appendAll(numbers(10).map((number) => number + 20))
    // some are committed at once, and some while tail() is about to answer, or has just answered
    for (const number of numbers(20)) await hold.append(number + 30)
    await Promise.all([together, more])
    const { before } = await tail
    await late.until(() => late.jsons.at(-1) === '50', 'that the tail tells the newest entry')
    const wanted = positionsOf(await hold.after(before))
    promiseSame(late.positions, wanted, 'that the tail tells all entries after the position that it began with')
  }),

  claim('the newest entries that a tail is told are followed by the next ones', {
    'EventLog.tail': `${PREFILL} … ${LIVE}`
  }, ['reopen'], async (probe) => {
    const first = await probe.make()
    const positions = await first.appendAll(numbers(8))
    const hold = await probe.restarted(first)
    promise(hold.told.list.length <= 8, 'that a reopened log tells what it keeps',
      () => `${hold.told.list.length} entries`)
    positions.push(...await hold.appendAll([9, 10]))
    await hold.told.until(() => hold.told.jsons.at(-1) === '10', 'that the tail tells the newest entry')
    promiseSame(hold.told.positions, positionsOf(await hold.after(hold.before)),
      'that the tail tells all entries after the position that it began with')
    promiseSame(positionsOf(await hold.all()), positions, 'that all entries are kept, in order')
  }),

  claim('a tail that was stopped is told nothing more, and the others are', {
    'Tail.stop': STOP
  }, [], async (probe) => {
    const hold = await probe.make()
    const stopped = probe.listener()
    const tail = await hold.tail(stopped)
    await hold.append(1)
    await stopped.until(() => stopped.list.length === 1, 'that a second tail tells what is appended')
    tail.stop()
    stopped.over('stop()')
    tail.stop()
    await hold.append(2)
    await hold.told.until(() => hold.told.list.length === 2, 'that the other tail tells what is appended')
    await hold.end()
    await probe.quiet()
    promiseSame(jsonsOf(await hold.all()), ['1', '2'], 'that a tail that stops leaves the log as it is')
  })
]

/** Begins one more tail on a log where nothing is under way, and looks at what it tells before it answers. */
async function prefilled (probe: Probe, hold: Hold, newest: Newest): Promise<Told> {
  const told = probe.listener()
  const { before } = await hold.tail(told, newest)
  const first: LogEntry[] = [...told.list]
  const wanted = first.length === 0 ? [] : (await hold.all()).slice(-first.length)
  promiseSame(jsonsOf(first), jsonsOf(wanted), 'that the tail is told the newest entries')
  promiseSame(positionsOf(first), positionsOf(wanted), 'that the tail is told the newest entries')
  promiseSame(positionsOf(await hold.after(before)), positionsOf(first),
    `that ${shown(before)} is just before the first entry that was told`)
  await probe.quiet()
  promise(told.list.length === first.length, 'that what is told first is told before tail() answers',
    () => `${told.list.length - first.length} entries later`)
  return told
}
