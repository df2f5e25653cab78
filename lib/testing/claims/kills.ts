/** Claims about the sudden death of a process: what it has said is true still. */
import { shown } from '../../errors.ts'
import { promise, promiseSame } from '../broken.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, type Hold } from '../log-hold.ts'

const ORDER =
  'The order is: the entry is committed, then it is told to the tails of this process, then `append` answers.'
const UNIQUE = 'A log assigns each entry a *position*: a string in the order of the log that no other entry has.'
const AFTERWARDS = 'Whoever opens the log afterwards is told too, until the history is deleted.'
const KEPT = 'While an entry with the same `dedupeId` is kept, the event is not added again.'

export const killClaims: readonly LogClaim[] = [
  claim('what append has answered outlives a kill', { 'EventLog.append': ORDER }, ['kill'], async (probe) => {
    const first = await probe.make()
    const answered = await first.appendAll(numbers(10))
    // no answer to these is waited for: they are kept or not
    for (const number of numbers(10)) first.send(10 + number)
    const hold = await (await probe.killed(first)).open()
    const kept = await hold.all()
    promiseSame(kept.slice(0, 10).map(({ position }) => position), answered, 'that all that was answered for is kept')
    promiseSame(jsonsOf(kept), numberTexts(kept.length), 'that what is kept has no hole')
    await hold.isFound(answered[9] ?? '', 'the last position that was answered')
  }),

  claim('what a tail was told outlives a kill', { 'EventLog.append': ORDER }, ['kill'], async (probe) => {
    const first = await probe.make()
    const killed = new Promise<Hold>((resolve, reject) => {
      first.told.onTold = () => {
        first.told.onTold = () => {}
        // at this very moment: whoever is told before the commit has seen what nobody keeps
        probe.killed(first).then(resolve, reject)
      }
    })
    for (const number of numbers(3)) first.send(number)
    const hold = await (await probe.ask('kill()', () => killed)).open()
    const kept = jsonsOf(await hold.all())
    promiseSame(kept.slice(0, first.told.list.length), first.told.jsons, 'that all that was told is kept')
  }),

  claim('a kill gives no position a second time', { 'the contract': UNIQUE }, ['kill'], async (probe) => {
    let hold = await probe.make({ entries: 3 })
    const given = new Map<string, string>()
    const note = (position: string, json: string): void => {
      const earlier = given.get(position) ?? json
      promise(earlier === json, 'that no position is given twice',
        () => `${shown(position)} for ${earlier}, and then for ${json}`)
      given.set(position, json)
    }
    for (let kill = 0; kill < 3; kill++) {
      for (const number of numbers(4)) note(await hold.append(`${kill}-${number}`), `"${kill}-${number}"`)
      hold.send(`${kill}-on its way`)
      hold = await (await probe.killed(hold)).open()
      for (const { position, json } of await hold.all()) note(position, json)
    }
    note(await hold.append('new'), '"new"')
  }),

  claim('the end outlives a kill', { 'EventLog.end': AFTERWARDS }, ['kill'], async (probe) => {
    const first = await probe.make()
    await first.append(1)
    await first.end()
    const hold = await (await probe.killed(first)).open()
    promise(hold.told.ends === 1, 'that the end is told to whoever opens the log', () => `${hold.told.ends} ends`)
    promiseSame(jsonsOf(await hold.all()), ['1'], 'that the history is there')
  }),

  claim('a publisher that was killed may try again with its dedupeId', {
    'LogDraft.dedupeId': KEPT
  }, ['kill'], async (probe) => {
    const first = await probe.make()
    const position = await first.append('a', { dedupeId: 'a' })
    first.send('b', { dedupeId: 'b' })
    const hold = await (await probe.killed(first)).open()
    promise(await hold.append('a', { dedupeId: 'a' }) === position,
      'that append() answers the position of the entry that is kept', () => 'another one')
    await hold.append('b', { dedupeId: 'b' })
    promiseSame(jsonsOf(await hold.all()), ['"a"', '"b"'], 'that each event is there once')
  })
]
