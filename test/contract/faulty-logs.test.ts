/**
 * The claims find what they name: each log with one fault fails the claims that name it, and each claim has such a log.
 */
import t from 'tap'
import { logClaims } from '../../lib/testing/log.ts'
import { faultyLogs } from './faulty-logs.ts'

/** Faults by which something never comes: it is waited for in vain, for this long. The others fail at once. */
const SILENT = [
  'never answers', 'forgets to tell some entries', 'tells its own entries only', 'tells the end in its own process only',
  'loses entries in silence'
]
const ANSWER_WITHIN_MS = 500

for (const { fault, claims, under } of faultyLogs) {
  t.test(`a log that ${fault} is found`, async (t) => {
    const isSilent = SILENT.includes(fault)
    for (const name of claims) {
      const claim = logClaims.find((claim) => claim.name === name)
      if (claim === undefined) {
        t.fail(`there is no claim «${name}»`)
        continue
      }
      t.equal(claim.notApplicable(under), false, name)
      const failure = await failureOf(claim.run(isSilent ? { ...under, answerWithinMs: ANSWER_WITHIN_MS } : under))
      t.match(failure, { code: 'FST_EVENTFEED_LOG_CLAIM', message: name })
      const isLate = /(no answer|ends) within/.test(String(failure))
      t.equal(isLate, isSilent, 'it is not found by a wait, unless something never comes')
    }
  })
}

t.test('each claim can fail: a faulty log shows it', async (t) => {
  const named = new Set(faultyLogs.flatMap(({ claims }) => claims))
  t.strictSame(logClaims.map(({ name }) => name).filter((name) => !named.has(name)), [])
})

t.test('a claim that fails says what was promised, what came, and where the contract says so', async (t) => {
  const name = 'by count: as many entries stay as the bound says'
  const { under } = faultyLogs.find(({ claims }) => claims.includes(name)) ?? t.fail() as never
  const failure = await failureOf(logClaims.find((claim) => claim.name === name)?.run(under))
  const lines = String(failure).split('\n').map((line) => line.trim())
  t.match(lines[0], name)
  t.match(lines.slice(1), [/^promised: that the log keeps/, /^what came: \d/, /^contract: EventLog.retain: «The methods of the log show/])
})

async function failureOf (run: Promise<void> | undefined): Promise<unknown> {
  try {
    await run
  } catch (error) {
    return error
  }
}
