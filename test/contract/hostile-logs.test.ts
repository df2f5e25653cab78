/** Whatever a log does, a claim about it comes to an end, by itself or by the error that says what is wrong. */
import t from 'tap'
import type { EventLog, LogPage } from '../../lib/log/contract.ts'
import type { Retention } from '../../lib/log/retention.ts'
import { logClaims, type LogUnderTest } from '../../lib/testing/log.ts'
import { storedLogs, synchronousLogs } from './references.ts'

const METHODS = ['tail', 'append', 'locate', 'earliest', 'page', 'end', 'delete', 'close'] as const

/** What somebody else's method may do. */
const DEEDS: Readonly<Record<string, () => unknown>> = {
  'answers undefined': () => undefined,
  'answers null': () => Promise.resolve(null),
  'answers something else': () => ({ kind: 'page', entries: null, oldest: 1, before: '', stop: 'now' }),
  // eslint-disable-next-line no-throw-literal -- a careless log does that
  'throws undefined': () => { throw undefined },
  'rejects with a text': () => Promise.reject('no') // eslint-disable-line prefer-promise-reject-errors -- the same
}

for (const [deed, answer] of Object.entries(DEEDS)) {
  t.test(`a log of which one method ${deed} breaks claims, and nothing else`, async (t) => {
    for (const method of METHODS) {
      const under = asIs(synchronousLogs(), method, answer)
      const failures = await failuresOf(under)
      t.ok(failures.length > 0 || method === 'end' || method === 'close', `${method}: ${failures.length} claims fail`)
      t.strictSame(failures.filter((failure) => codeOf(failure) !== 'FST_EVENTFEED_LOG_CLAIM'), [], method)
    }
  })
}

t.test('a log that never answers fails each claim that asks it, in time', async (t) => {
  const failures = await failuresOf(asIs(storedLogs(), 'append', () => new Promise(() => {})))
  t.ok(failures.length > 20)
  for (const failure of failures) t.equal(codeOf(failure), 'FST_EVENTFEED_LOG_CLAIM')
})

t.test('a log whose pages never end fails the claims that read it', async (t) => {
  let number = 0
  const page = (): LogPage => ({
    kind: 'page', entries: [{ position: `x${number++}`, event: 'message', json: '1', keys: [], at: 0 }]
  })
  const failures = await failuresOf(asIs(synchronousLogs(), 'page', page))
  t.match(failures.map(String).join('\n'), 'that pages come to the head')
})

/** Logs of which one method does something else. */
function asIs (under: LogUnderTest, method: typeof METHODS[number], answer: () => unknown): LogUnderTest {
  const make = async (retain: Partial<Retention>): Promise<EventLog> => {
    const log = await under.make(retain)
    return Object.assign(Object.create(log), Object.fromEntries(METHODS.map((name) => [name, log[name].bind(log)])), { [method]: answer })
  }
  // what else it offers knows the log itself, and not the one that is hostile
  return { make, clock: under.clock, answerWithinMs: 100 }
}

/** What each claim fails with. */
async function failuresOf (under: LogUnderTest): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const claim of logClaims.filter((claim) => claim.notApplicable(under) === false)) {
    await claim.run(under).catch((failure: unknown) => { failures.push(failure) })
  }
  return failures
}

function codeOf (failure: unknown): unknown {
  return typeof failure === 'object' && failure !== null && 'code' in failure ? failure.code : failure
}
