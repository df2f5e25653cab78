/** Logs as unlike each other as the contract allows fulfil every claim that is applicable to them. */
import t from 'tap'
import { logClaims, type LogUnderTest } from '../../lib/testing/log.ts'
import { pagedLogs, sharedLogs, storedLogs, synchronousLogs } from './references.ts'

const LOGS: Record<string, LogUnderTest> = {
  'a log that answers at once': synchronousLogs(),
  'a log that outlives its process': storedLogs(),
  'a log that several processes share': sharedLogs(),
  'the paged log of these tests': pagedLogs()
}

for (const [name, under] of Object.entries(LOGS)) {
  t.test(name, async (t) => {
    for (const claim of logClaims) {
      t.test(claim.name, { skip: claim.notApplicable(under) }, () => claim.run(under))
    }
  })
}

t.test('each claim is applicable to one of them', async (t) => {
  const logs = Object.values(LOGS)
  for (const claim of logClaims) t.ok(logs.some((under) => claim.notApplicable(under) === false), claim.name)
})
