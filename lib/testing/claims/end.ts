/** Claims about `end` and `delete`: a history that has an end, and one that is gone. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import { started } from '../asker.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, type Hold } from '../log-hold.ts'
import type { Probe } from '../log-probe.ts'
import { unique } from './positions.ts'

const WRITES =
  'Writes the end behind all entries, waits for the appends that are under way, and tells it to all tails, in ' +
  'every process.'
const AFTERWARDS = 'Whoever opens the log afterwards is told too, until the history is deleted.'
const FAILS = 'Appends fail from now on. A second call does nothing.'
const ENDED = 'The log was ended, by this process or another. No entry follows.'
const REFUSED = 'Fails with `FST_EVENTFEED_FEED_ENDED` once the log was ended.'
const READ = 'A log that has been ended can be read, and fails to append, until `delete`.'
const OPENING = 'Then, where the log was ended, `ended`.'
const DELETES = 'Deletes the history, with its end, and closes this process\'s hold on it.'
const EMPTY = 'What is opened under the same name afterwards is empty, and of a new epoch.'

export const endClaims: readonly LogClaim[] = [
  claim('the end is told once, to every tail, after all entries', {
    'EventLog.end': WRITES,
    'TailListener.ended': ENDED
  }, [], async (probe) => {
    const hold = await probe.make()
    const other = probe.listener()
    await hold.tail(other)
    await hold.append(1)
    const appended = hold.appendAll([2, 3, 4])
    await Promise.all([appended, hold.end()])
    for (const told of [hold.told, other]) {
      await told.until(() => told.ends > 0, 'that the end is told')
      promiseSame(told.jsons, numberTexts(4), 'that the end is told after all entries')
    }
    await hold.end()
    // a second telling of the end is a fault of the tail, and is thrown when the claim ends
    await probe.quiet()
  }),

  claim('end waits for the appends that are under way', { 'EventLog.end': WRITES }, ['holdCommits'], async (probe) => {
    const hold = await probe.make()
    const release = probe.holdCommits(hold)
    const appended = hold.appendAll([1, 2])
    let isEnded = false
    const ended = started(hold.end().then(() => { isEnded = true }))
    await probe.quiet()
    promise(!isEnded && hold.told.ends === 0, 'that the end waits for the appends that are under way',
      () => 'the end before their commit')
    release()
    await Promise.all([appended, ended])
    promiseSame(hold.told.jsons, ['1', '2'], 'that the tail is told what was appended earlier than the end')
    await hold.told.until(() => hold.told.ends === 1, 'that the end is told')
  }),

  claim('a log that was ended can be read, and takes no more', {
    'EventLog.tail': READ,
    'EventLog.append': REFUSED,
    'EventLog.end': FAILS
  }, [], async (probe) => {
    const hold = await probe.make()
    await hold.appendAll(numbers(3))
    await hold.end()
    await takesNoMore(probe, hold)
    promiseSame(jsonsOf(await hold.all()), numberTexts(3), 'that the log can be read')
    const late = probe.listener()
    await hold.tail(late)
    promise(late.ends === 1, 'that a tail that begins after the end is told of it before tail() answers',
      () => `${late.ends} ends`)
  }),

  claim('whoever opens a log that was ended is told', {
    'EventLog.end': AFTERWARDS,
    'EventLog.tail': OPENING
  }, ['reopen'], async (probe) => {
    let hold = await probe.make()
    await hold.appendAll(numbers(3))
    await hold.end()
    for (let restart = 0; restart < 2; restart++) {
      hold = await probe.restarted(hold)
      promise(hold.told.ends === 1, 'that the end is told before tail() answers', () => `${hold.told.ends} ends`)
      await takesNoMore(probe, hold)
      promiseSame(jsonsOf(await hold.all()), numberTexts(3), 'that the log can be read')
    }
  }),

  claim('delete closes the hold', { 'EventLog.delete': DELETES }, [], async (probe) => {
    const hold = await probe.make()
    await hold.append(1)
    await hold.end()
    await hold.delete()
    await hold.isRefused('append() after delete()', 'FST_EVENTFEED_LOG_CLOSED',
      (log) => log.append({ event: 'message', json: '1', keys: [], at: probe.now() }))
    await hold.isRefused('earliest() after delete()', 'FST_EVENTFEED_LOG_CLOSED', (log) => log.earliest())
    await hold.close()
  }),

  claim('what is opened after delete is empty, open, and of a new epoch', {
    'EventLog.delete': `${DELETES} ${EMPTY}`
  }, ['reopen'], async (probe) => {
    let hold = await probe.make()
    const positions = [hold.before]
    for (const isEnded of [true, false]) {
      positions.push(...await hold.appendAll(numbers(4)), await hold.append('a', { dedupeId: 'a' }))
      if (isEnded) await hold.end()
      await hold.delete()
      hold = await (await probe.reopened(hold)).open()
      promise(hold.told.ends === 0, 'that the end was deleted too', () => 'the end')
      promiseSame([...hold.told.jsons, ...jsonsOf(await hold.all())], [], 'that nothing is left')
      for (const position of positions) {
        await hold.isGap(position, 'a position of a history that was deleted',
          ['epoch'])
      }
      positions.push(hold.before)
    }
    positions.push(...await hold.appendAll(numbers(4)), await hold.append('a', { dedupeId: 'a' }))
    unique(positions)
    promiseSame(jsonsOf(await hold.all()), [...numberTexts(4), '"a"'],
      'that the log takes events again, with any dedupeId')
  })
]

/** The log fails to append, and changes nothing by that. */
async function takesNoMore (probe: Probe, hold: Hold): Promise<void> {
  await hold.isRefused('append() after end()', 'FST_EVENTFEED_FEED_ENDED',
    (log) => log.append({ event: 'message', json: '"late"', keys: [], at: probe.now() }))
  await probe.quiet()
  promise(!hold.told.jsons.includes('"late"'), 'that nothing is told after the end', () => shown('late'))
}
