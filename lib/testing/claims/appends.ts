/** Claims about `append`: what is kept, and the order of commit, tail and answer. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import type { LogDraft, LogEntry } from '../../log/contract.ts'
import { started } from '../asker.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, type Hold } from '../log-hold.ts'
import type { Probe } from '../log-probe.ts'

const ANSWER = 'Adds an event at the end, and answers its position.'
const ORDER =
  'The order is: the entry is committed, then it is told to the tails of this process, then `append` answers.'
const IN_A_ROW = 'Appends that one process makes one after the other, without waiting, keep their order.'
const TOLD_IS_GIVEN = 'Entries that the tail has told are given too.'
const ANY_TIME =
  'Unless a method says otherwise, it may be called at any time after `tail` has answered and before `close`, ' +
  'also while other calls are under way.'
const PLAIN = 'An event in a log: plain data, which a log can make from what it has stored.'
const CHECKED =
  'A log that tells an entry which it has just made from this draft passes it on (`{ ...draft, position }`), and ' +
  'spares the feed a second check. It is never stored.'

/** Text that storages and encodings are known to change. */
const TEXT = '"quotes" \'quotes\' \\ \u0000 \n \r\n \u2028 é 𝒳 \ufeff \ud800 %s $1 {{x}} <b> --'

export const appendClaims: readonly LogClaim[] = [
  claim('append answers the position of the entry that it added', {
    'EventLog.append': ANSWER,
    'LogEntry.position': 'Where it stands in the log: the event ID.'
  }, [], async (probe) => {
    const hold = await probe.make()
    const answered = await hold.appendAll(numbers(20))
    const kept = (await hold.all()).map(({ json, position }) => [json, position])
    promiseSame(kept, answered.map((position, index) => [String(index + 1), position]),
      'that each position is that of the entry that was added, at the end')
  }),

  claim('an entry is what was given', {
    LogEntry: PLAIN,
    'LogDraft.event': 'The event type.',
    'LogDraft.json': 'The data, as JSON text.',
    'LogDraft.keys': 'The keys that the event was published with, the first one first; none is usual.',
    'LogDraft.at': 'When it was published, in milliseconds since the Unix epoch.'
  }, [], async (probe) => {
    const hold = await probe.make()
    const wanted = await appendMany(hold, probe)
    promiseSame((await hold.all()).map(plain), wanted, 'that pages give entries as they were appended')
    promiseSame(hold.told.list.map(plain), wanted, 'that the tail tells entries as they were appended')
  }),

  claim('an entry is what was given after a restart too', {
    LogEntry: PLAIN,
    'LogDraft.checkedBy': CHECKED
  }, ['reopen'], async (probe) => {
    const first = await probe.make()
    const wanted = await appendMany(first, probe, { checkedBy: { codec: 1 } })
    const hold = await probe.restarted(first)
    const read = await hold.all()
    promiseSame(read.map(plain), wanted, 'that pages give entries as they were appended')
    promiseSame(hold.told.list.map(plain), wanted.slice(wanted.length - hold.told.list.length),
      'that the tail tells entries as they were appended')
    for (const { checkedBy } of [...read, ...hold.told.list]) {
      promise(checkedBy === undefined,
        'that checkedBy is not stored', () => shown(checkedBy))
    }
  }),

  claim('the tail is told what has checked an entry that was just made', {
    'LogDraft.checkedBy': CHECKED
  }, [], async (probe) => {
    const hold = await probe.make()
    const marks = [{ codec: 1 }, { codec: 2 }]
    for (const checkedBy of marks) await hold.append('checked', { checkedBy })
    await hold.append('not checked')
    for (const [index, { checkedBy }] of hold.told.list.entries()) {
      promise(checkedBy === marks[index], 'that the tail passes on the checkedBy of the draft, the same object',
        () => shown(checkedBy))
    }
  }),

  claim('appends that are made without waiting keep their order', {
    'EventLog.append': IN_A_ROW
  }, [], async (probe) => {
    const hold = await probe.make()
    // sizes that differ much: what is large takes longer to write
    const data = numbers(40).map((number) => `${number} ${'x'.repeat(number % 3 === 0 ? 50_000 : 1)}`)
    const answered = await hold.appendAll(data)
    const entries = await hold.all()
    const order = jsonsOf(entries).map((json) => String(JSON.parse(json)).split(' ')[0])
    promiseSame(order, numberTexts(40), 'that the log has the order of the calls')
    promiseSame(entries.map(({ position }) => position), answered, 'that the log has the order of the calls')
    promiseSame(hold.told.positions, answered, 'that the tail has the order of the calls')
  }),

  claim('the tail is told before append answers', { 'EventLog.append': ORDER }, [], async (probe) => {
    const hold = await probe.make()
    let early: string | undefined
    const answered = (position: string): void => { if (!hold.told.has(position)) early ??= position }
    for (const number of numbers(20)) {
      const answer = hold.log.append({ event: 'message', json: String(number), keys: [], at: probe.now() })
      if (typeof answer === 'string') answered(answer)
      // the first reaction to the promise of the log itself: a tail that comes a turn later is too late
      else await probe.ask('append()', () => answer.then(answered))
    }
    promise(early === undefined, 'that the tail is told before append() answers',
      () => `the answer ${shown(early)} first`)
  }),

  claim('what the tail has told, a page gives', {
    'EventLog.append': ORDER,
    'EventLog.page': TOLD_IS_GIVEN
  }, [], async (probe) => {
    const hold = await probe.make()
    const read: Array<Promise<string[]>> = []
    hold.told.onTold = () => {
      const last = hold.told.jsons.at(-1)
      const missing = hold.all().then((entries) => jsonsOf(entries).includes(last ?? '') ? [] : [last ?? ''])
      read.push(started(missing))
    }
    await hold.appendAll(numbers(10))
    await hold.append(11)
    promiseSame((await Promise.all(read)).flat(), [],
      'that what was told is read by whoever reads at that moment, so none missing')
  }),

  claim('nothing is told, read or answered before it is committed', {
    'EventLog.append': ORDER
  }, ['holdCommits'], async (probe) => {
    const hold = await probe.make()
    await hold.append(1)
    const release = probe.holdCommits(hold)
    let answers = 0
    const appended = started(Promise.all([2, 3, 4].map(async (number) => {
      const position = await hold.append(number)
      answers++
      return position
    })))
    await probe.quiet()
    promise(answers === 0, 'that append() does not answer before the commit', () => `${answers} answers`)
    promiseSame(hold.told.jsons, ['1'], 'that the tail tells what is committed only')
    release()
    const positions = await appended
    promiseSame(hold.told.positions.slice(1), positions, 'that the tail tells what was committed, in order')
    promiseSame(jsonsOf(await hold.all()), numberTexts(4), 'that the log has what was committed, in order')
  }),

  claim('calls may be made while others are under way', { 'the contract': ANY_TIME }, [], async (probe) => {
    const hold = await probe.make()
    const appended = hold.appendAll(numbers(60))
    const reads = numbers(6).map(async (limit) => {
      const calls = [hold.after(hold.before, limit * 3), hold.earliest(), hold.locate(hold.before)] as const
      const [entries, beginning] = await Promise.all(calls)
      promise(beginning.before === hold.before, 'that the log begins where it began', () => shown(beginning.before))
      return entries
    })
    for (const entries of await Promise.all(reads)) {
      promiseSame(jsonsOf(entries), numberTexts(entries.length),
        'that what is read meanwhile begins with the oldest and has no hole')
    }
    await appended
    promiseSame(jsonsOf(await hold.all()), numberTexts(60), 'that all is there in the end')
  })
]

/** Appends events that differ in every field. Answers what an entry of each must be. */
async function appendMany (hold: Hold, probe: Probe, more: Partial<LogDraft> = {}): Promise<unknown[]> {
  const at = probe.now()
  const drafts: Array<Partial<LogDraft> & { json: string }> = [
    { json: '{"a":[1,{"b":null}],"c":1.5e-7}', event: 'said', keys: ['ada'], at },
    { json: JSON.stringify(TEXT), event: 'é 𝒳', keys: [TEXT.replace('\ud800', ''), 'b', 'a', 'b'], at: at + 1 },
    { json: '""', keys: [''], at: at + 1 },
    { json: 'null', keys: [], at: at + 2 },
    { json: '12345678901234567890', keys: numbers(20).map(String), at: at + 3 },
    { json: JSON.stringify('x'.repeat(2 ** 20)), keys: [], at: at + 4 }
  ]
  return await Promise.all(drafts.map(async (draft) => {
    const { event = 'message', json, keys, at } = draft
    return { position: await hold.append(undefined, { ...draft, ...more }), event, json, keys, at }
  }))
}

function plain ({ position, event, json, keys, at }: LogEntry): unknown {
  return { position, event, json, keys, at }
}
