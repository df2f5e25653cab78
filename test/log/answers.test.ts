/** What a log may answer, and what is refused. */
import t from 'tap'
import { appended, beginning, located, paged } from '../../lib/log/answers.ts'
import { MemoryLog } from '../../lib/log/memory-log.ts'

const WRONG: readonly unknown[] = [undefined, null, 42, 'text', {}, [], () => {}, { kind: 'window' }, { kind: 'gap', start: {} }, Promise.resolve()]

t.test('what a log in memory answers is taken', async (t) => {
  const log = new MemoryLog()
  const entry = log.append({ event: 'message', json: '1', key: undefined, at: 0 })
  t.equal(appended(entry), entry)
  t.equal(located(log.locate(entry.position)).kind, 'window')
  t.equal(located(log.locate('of another log')).kind, 'gap')
  t.type(beginning(log.earliest()).before, 'string')
  t.strictSame(paged(log.page(entry.position)).entries, [])
})

t.test('anything else is refused, by a typed error', async (t) => {
  for (const look of [appended, located, beginning, paged] as Array<(answer: never) => unknown>) {
    for (const answer of WRONG) t.throws(() => look(answer as never), { code: 'FST_EVENTFEED_BAD_LOG' })
  }
})
