/** Claims about `close`: what is under way is finished, then nothing happens any more. */
import { promise, promiseSame } from '../broken.ts'
import { started } from '../asker.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, type Hold } from '../log-hold.ts'
import type { Probe } from '../log-probe.ts'

const GIVES_UP = 'Gives up this process\'s hold on the log, after the appends that are under way.'
const STAYS = 'The history stays where it outlives the process.'
const SECOND = 'A second call does nothing, nor does one after `delete`, or where `tail` has failed.'
const CODE = 'After `close` every method but `close` fails with `FST_EVENTFEED_LOG_CLOSED`.'
const SILENT = 'The log calls it in the order of the log, and never again after `close` or `stop`.'

export const closeClaims: readonly LogClaim[] = [
  claim('close waits for the appends that are under way', { 'EventLog.close': GIVES_UP }, [], async (probe) => {
    const hold = await probe.make()
    let answers = 0
    const appended = numbers(20).map((number) => hold.append(number).then(() => { answers++ }))
    const settled = Promise.allSettled(appended)
    await hold.close()
    const [answersThen, told] = [answers, hold.told.jsons]
    const failed = (await settled).filter(({ status }) => status === 'rejected')
    promise(failed.length === 0, 'that appends that were made earlier than close() are committed',
      () => `${failed.length} of 20 failed`)
    promiseSame(told, numberTexts(told.length), 'that what the tail is told meanwhile has no hole')
    promise(answersThen > 0, 'that close() answers after the appends', () => 'the answer of close() first')
  }),

  claim('close waits for a commit that takes its time', {
    'EventLog.close': GIVES_UP
  }, ['holdCommits'], async (probe) => {
    const hold = await probe.make()
    const release = probe.holdCommits(hold)
    const appended = hold.appendAll([1, 2])
    let isClosed = false
    const closed = started(hold.close().then(() => { isClosed = true }))
    await probe.quiet()
    promise(!isClosed, 'that close() waits for the appends that are under way', () => 'its answer before their commit')
    release()
    await Promise.all([appended, closed])
    promiseSame(hold.told.jsons, numberTexts(hold.told.list.length), 'that what the tail is told meanwhile has no hole')
  }),

  claim('after close every method fails by a code that says so', {
    'the contract': CODE,
    'EventLog.close': SECOND
  }, [], async (probe) => {
    const hold = await probe.make()
    const position = await hold.append(1)
    await Promise.all([hold.close(), hold.close()])
    await isClosed(probe, hold, position)
    await hold.close()
  }),

  claim('a log that was never opened can be closed', {
    'EventLog.tail': 'It comes before any other call but `close`.',
    'EventLog.close': SECOND
  }, [], async (probe) => {
    const hold = await probe.makeUnopened()
    await hold.close()
    await hold.close()
  }),

  claim('after close the tail tells nothing', { TailListener: SILENT }, ['reopen'], async (probe) => {
    const first = await probe.make()
    await first.append(1)
    await first.close()
    const next = await (await probe.reopened(first)).open()
    await next.append(2)
    await next.end()
    // what the first tail is told now is a fault, which is thrown when the claim ends
    await probe.quiet()
    promiseSame(first.told.jsons, ['1'], 'that the tail of the hold that was closed tells nothing')
  }),

  claim('what was appended is there when the log is opened again', {
    'EventLog.close': STAYS
  }, ['reopen'], async (probe) => {
    let hold = await probe.make()
    const positions: string[] = []
    for (let restart = 0; restart < 3; restart++) {
      const appended = hold.appendAll([`a${restart}`, `b${restart}`])
      hold = await probe.restarted(hold)
      positions.push(...await appended)
      promiseSame((await hold.all()).map(({ position }) => position), positions,
        'that each entry that was answered for is kept, in order')
    }
    promise(hold.told.ends === 0, 'that close() does not end the log', () => 'the end')
    promiseSame(jsonsOf(await hold.all()), ['a0', 'b0', 'a1', 'b1', 'a2', 'b2'].map((text) => `"${text}"`),
      'that each entry is what it was')
  })
]

async function isClosed (probe: Probe, hold: Hold, position: string): Promise<void> {
  const draft = { event: 'message', json: '2', keys: [], at: probe.now() }
  const calls: ReadonlyArray<readonly [string, Parameters<Hold['isRefused']>[2]]> = [
    ['append()', (log) => log.append(draft)],
    ['locate()', (log) => log.locate(position)],
    ['locate() of no position', (log) => log.locate('')],
    ['earliest()', (log) => log.earliest()],
    ['page()', (log) => log.page(position, 1)],
    ['end()', (log) => log.end()],
    ['delete()', (log) => log.delete()],
    ['tail()', (log) => log.tail(probe.listener(), { entries: 1, bytes: 1 })]
  ]
  for (const [what, call] of calls) await hold.isRefused(`${what} after close()`, 'FST_EVENTFEED_LOG_CLOSED', call)
}
