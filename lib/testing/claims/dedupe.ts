/** Claims about `dedupeId`: an event that is published again is not added again. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, type Hold } from '../log-hold.ts'

const ONCE =
  'While an entry with the same `dedupeId` is kept, the event is not added again. `undefined`: it is added in any ' +
  'case.'
const FIRST =
  'While an entry with the same `dedupeId` is kept or on its way, it answers the position of that one and adds ' +
  'nothing.'

export const dedupeClaims: readonly LogClaim[] = [
  claim('an event with the dedupeId of one that is kept is not added again', {
    'LogDraft.dedupeId': ONCE,
    'EventLog.append': FIRST
  }, [], async (probe) => {
    const hold = await probe.make()
    const first = await hold.append('a', { dedupeId: 'a' })
    const second = await hold.append('b', { dedupeId: 'b' })
    await same(hold, 'a', first)
    await same(hold, 'b', second)
    await has(hold, ['"a"', '"b"'])
  }),

  claim('an event with the dedupeId of one that is on its way is not added again', {
    'EventLog.append': FIRST
  }, [], async (probe) => {
    const hold = await probe.make()
    const [first, between, again] = await Promise.all([
      hold.append('first', { dedupeId: 'a' }), hold.append('between'), hold.append('again', { dedupeId: 'a' })
    ])
    promise(again === first, `that the second append() answers the position of the first, ${shown(first)}`,
      () => shown(again))
    promise(between !== first, 'that another event has a position of its own', () => shown(between))
    await has(hold, ['"first"', '"between"'])
  }),

  claim('any text is a dedupeId, and differs from any other', { 'LogDraft.dedupeId': ONCE }, [], async (probe) => {
    const hold = await probe.make()
    const texts = [
      '', ' ', '0', 'a', 'A', 'a ', 'é', 'e\u0301', '__proto__', 'constructor', 'undefined', 'null', '%', '\'',
      'x'.repeat(1000), `${'x'.repeat(1000)}y`
    ]
    const positions: string[] = []
    for (const dedupeId of texts) positions.push(await hold.append(dedupeId, { dedupeId }))
    await has(hold, texts.map((text) => JSON.stringify(text)))
    for (const [index, dedupeId] of texts.entries()) await same(hold, dedupeId, positions[index])
    await has(hold, texts.map((text) => JSON.stringify(text)))
  }),

  claim('events without a dedupeId are added in any case', { 'LogDraft.dedupeId': ONCE }, [], async (probe) => {
    const hold = await probe.make()
    const [first, second] = [await hold.append('a'), await hold.append('a', { dedupeId: undefined })]
    promise(first !== second, 'that both are added', () => `${shown(first)} twice`)
    await has(hold, ['"a"', '"a"'])
  }),

  claim('a dedupeId is free when its entry is not kept any more', { 'LogDraft.dedupeId': ONCE }, [], async (probe) => {
    const hold = await probe.make({ entries: 2 })
    const first = await hold.append('old', { dedupeId: 'a' })
    await hold.appendAll([1, 2])
    const second = await hold.append('new', { dedupeId: 'a' })
    promise(first !== second, 'that the event is added, with a position of its own',
      () => `the position of the entry that has left, ${shown(first)}`)
    promiseSame(jsonsOf(await hold.all()), ['2', '"new"'], 'that the event is added')
    await same(hold, 'a', second)
  }),

  claim('a dedupeId outlives the process with its entry', { 'LogDraft.dedupeId': ONCE }, ['reopen'], async (probe) => {
    const first = await probe.make()
    const position = await first.append('a', { dedupeId: 'a' })
    const hold = await probe.restarted(first)
    await same(hold, 'a', position)
    promiseSame(jsonsOf(await hold.all()), ['"a"'], 'that nothing is added')
  })
]

/** Appending with a `dedupeId` answers the position of the entry that is kept. */
async function same (hold: Hold, dedupeId: string, position: string | undefined): Promise<void> {
  const answer = await hold.append('again', { dedupeId })
  promise(answer === position,
    `that append() answers the position of the entry with the dedupeId ${shown(dedupeId)}, ${shown(position)}`,
    () => shown(answer))
}

/** The log has these entries, and has told them. */
async function has (hold: Hold, jsons: readonly string[]): Promise<void> {
  promiseSame(jsonsOf(await hold.all()), jsons, 'that the log has each event once')
  promiseSame(hold.told.jsons, jsons, 'that the tail is told each event once')
}
