/** Claims about what a log keeps: by count, bytes and age, exactly. */
import type { Retention } from '../../log/retention.ts'
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, type Hold } from '../log-hold.ts'
import type { Probe } from '../log-probe.ts'

const SAYS = 'What the log keeps, where that is bounded: the feed keeps no more in memory, and nothing that is older.'
const EXACTLY =
  'The methods of the log show exactly what this says, no entry more and none fewer, whenever the storage is ' +
  'freed.'
const NEWEST = 'The newest entry stays however many bytes it has, and leaves by its age only.'
const TRIMMED =
  'True where entries of this epoch were dropped from the beginning of the log, also where none is left.'
const ENDS = 'The head is found, and so is the position just before the oldest entry.'

/** The JSON text of one entry, in bytes; an entry may count up to a tenth more, for what is around it. */
const ENTRY = 10_000

export const retentionClaims: readonly LogClaim[] = [
  claim('a log says how many entries it keeps', { 'EventLog.retain': SAYS }, [], async (probe) => {
    await says(probe, { entries: 5 })
  }),

  claim('a log says how many bytes it keeps', { 'EventLog.retain': SAYS }, ['retain.bytes'], async (probe) => {
    await says(probe, { bytes: 70_000 })
    await says(probe, { entries: 5, bytes: 70_000 })
  }),

  claim('a log says for how long it keeps an entry', { 'EventLog.retain': SAYS }, ['retain.ageMs'], async (probe) => {
    await says(probe, { ageMs: 5000 })
    await says(probe, { entries: 5, ageMs: 5000 })
  }),

  claim('by count: as many entries stay as the bound says', { 'EventLog.retain': EXACTLY }, [], async (probe) => {
    for (const entries of [1, 2, 7]) {
      const hold = await probe.make({ entries })
      await hold.appendAll(numbers(entries))
      await keeps(hold, numberTexts(entries))
      for (const more of numbers(4)) {
        await hold.append(entries + more)
        await keeps(hold, numberTexts(entries + more).slice(more))
      }
      await hold.appendAll(numbers(3 * entries))
      await keeps(hold, numberTexts(3 * entries).slice(2 * entries))
    }
  }),

  claim('a log that says whether its beginning was dropped says it from the first entry that was', {
    'LogBeginning.isTrimmed': TRIMMED
  }, [], async (probe) => {
    const hold = await probe.make({ entries: 2 })
    for (const number of numbers(4)) {
      const { isTrimmed } = await hold.earliest()
      promise(isTrimmed === undefined || isTrimmed === (number > 3), `that isTrimmed is ${number > 3} after ${number - 1} entries, where 2 are kept`,
        () => shown(isTrimmed))
      await hold.append(number)
    }
  }),

  claim('by bytes: as much stays as the bound says', {
    'EventLog.retain': EXACTLY
  }, ['retain.bytes'], async (probe) => {
    const hold = await probe.make({ bytes: 5.5 * ENTRY })
    // two bytes each character, and the quotes
    const texts = numbers(9).map((number) => `${number}${number}${'é'.repeat(ENTRY / 2 - 2)}`)
    for (const [index, text] of texts.entries()) {
      await hold.append(text)
      await keeps(hold, texts.slice(Math.max(0, index - 4), index + 1).map((text) => JSON.stringify(text)))
    }
  }),

  claim('by bytes: the newest entry stays, however large it is', {
    'EventLog.retain': NEWEST
  }, ['retain.bytes'], async (probe) => {
    const hold = await probe.make({ bytes: 2 * ENTRY })
    await hold.append('small')
    for (const letter of ['x', 'y']) {
      const large = letter.repeat(5 * ENTRY)
      await hold.append(large)
      await keeps(hold, [JSON.stringify(large)])
    }
    await hold.append('small')
    await keeps(hold, ['"small"'])
  }),

  claim('by age: an entry that is exactly so old stays, one that is older leaves', {
    'EventLog.retain': EXACTLY,
    'EventLog.locate': ENDS
  }, ['clock', 'retain.ageMs'], async (probe) => {
    const hold = await probe.make({ ageMs: 100 })
    const old = await hold.append('old')
    probe.advance(60)
    const young = await hold.append('young')
    probe.advance(40)
    await keeps(hold, ['"old"', '"young"'])
    probe.advance(1)
    await keeps(hold, ['"young"'])
    await hold.isFound(old, 'the position just before the oldest entry')
    probe.advance(60)
    await keeps(hold, [])
    await hold.isFound(young, 'the head, though its entry has left')
    await hold.isGap(old, 'the position of an entry that has left, as the one after it has', ['trimmed'])
    await hold.append('new')
    promiseSame(jsonsOf(await hold.after(young)), ['"new"'], 'that the log goes on from its head')
  }),

  claim('a restarted log keeps what its bounds say', { 'EventLog.retain': EXACTLY }, ['reopen'], async (probe) => {
    let hold = await probe.make({ entries: 4 })
    await hold.appendAll(numbers(6))
    for (const number of [7, 8, 9]) {
      hold = await probe.restarted(hold)
      await keeps(hold, numberTexts(number - 1).slice(-4))
      await hold.append(number)
      await keeps(hold, numberTexts(number).slice(-4))
    }
  }),

  claim('entries that grew too old while no process had the log open are not shown', {
    'EventLog.retain': EXACTLY
  }, ['reopen', 'clock', 'retain.ageMs'], async (probe) => {
    const first = await probe.make({ ageMs: 100 })
    await first.append('old')
    probe.advance(80)
    await first.append('young')
    await first.close()
    probe.advance(50)
    const hold = await (await probe.reopened(first)).open()
    await keeps(hold, ['"young"'])
    promise(!hold.told.jsons.includes('"old"'), 'that the tail is told what is kept', () => 'an entry that is too old')
  })
]

/** The log has the bounds with which it was made. */
async function says (probe: Probe, retain: Partial<Retention>): Promise<void> {
  const said = Object.entries((await probe.make(retain)).log.retain ?? {})
  for (const [name, bound] of Object.entries(retain)) {
    const came = said.find(([said]) => said === name)?.[1]
    promise(came === bound, `that retain.${name} of the log is ${bound}, with which it was made`, () => shown(came))
  }
}

/** All that the log shows is exactly this, whichever way it is asked. */
async function keeps (hold: Hold, jsons: readonly string[]): Promise<void> {
  const kept = await hold.all()
  promiseSame(jsonsOf(kept), jsons, 'that the log keeps as much as its bounds say')
  const { oldest } = await hold.earliest()
  promise(oldest === (kept[0]?.position ?? null), 'that earliest() names the oldest entry that is kept',
    () => shown(oldest))
}
