/** What a log may answer, and what is refused. */
import t from 'tap'
import { appended, beginning, begun, checkEntry, located, paged } from '../../lib/log/answers.ts'
import { MemoryLog } from '../../lib/log/memory-log.ts'

const ENTRY = { position: 'a-1', event: 'message', json: '1', keys: [], at: 0 }

const WRONG: readonly unknown[] = [
  undefined, null, 42, '', 'two words', 'a,b', 'a=b', '~a', 'a\nb', 'a'.repeat(129), {}, [], () => {}, { kind: 'window' }, { kind: 'gap', before: 'a' },
  { kind: 'gap', reason: 'ahead', oldest: 'a b', before: 'a' },
  { kind: 'page', entries: [null] }, { kind: 'page', entries: {} }, { before: 'a' }, { before: 'a b', stop () {} }, Promise.resolve(),
  ...Object.keys(ENTRY).flatMap((name) => [{ ...ENTRY, [name]: undefined }, { ...ENTRY, [name]: [7] }]),
  ...Object.keys(ENTRY).map((name) => ({ kind: 'page', entries: [ENTRY, { ...ENTRY, [name]: Symbol(name) }] }))
]

t.test('what a log in memory answers is taken', async (t) => {
  const log = new MemoryLog()
  const listener = { entries: (entries: unknown) => { t.strictSame(entries, [entries instanceof Array ? entries[0] : undefined]) }, lost () {}, ended () {} }
  t.type(begun(log.tail(listener, { entries: 1, bytes: 1 })).stop, 'function')
  const position = log.append({ event: 'message', json: '1', keys: [], at: 0 })
  t.equal(appended(position), position)
  t.equal(located(log.locate(position)).kind, 'found')
  t.equal(located(log.locate('of another log')).kind, 'gap')
  t.type(beginning(log.earliest()).before, 'string')
  t.strictSame(paged(log.page(position, 1)), { kind: 'page', entries: [] })
  t.equal(paged(log.page('of another log', 1)).kind, 'gap')
  checkEntry('page()', ENTRY)
})

t.test('a gap has a reason that a log may give', async (t) => {
  for (const reason of [undefined, 'lagged', 'failed', 7]) {
    for (const look of [located, paged] as Array<(answer: never) => unknown>) {
      t.throws(() => look({ kind: 'gap', reason, oldest: null, before: 'a' } as never), { code: 'FST_EVENTFEED_BAD_LOG' })
    }
  }
})

t.test('anything else is refused, by a typed error', async (t) => {
  const looks = { appended, begun, located, beginning, paged, checkEntry: (entry: unknown) => { checkEntry('tail()', entry) } }
  for (const [name, look] of Object.entries(looks) as Array<[string, (answer: never) => unknown]>) {
    for (const answer of WRONG) t.throws(() => look(answer as never), { code: 'FST_EVENTFEED_BAD_LOG' }, name)
  }
})
