/** Logs as unlike each other as the contract allows fulfil every claim that is applicable to them. */
import t from 'tap'
import type { Retention } from '../../lib/log/retention.ts'
import { logClaims, type LogUnderTest } from '../../lib/testing/log.ts'
import { pagedLogs, sharedLogs, storedLogs, synchronousLogs } from './references.ts'
import type { StoredLog } from './stored-reference.ts'

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

t.test('a claim that needs what is not offered is refused: it does not pass in silence', async (t) => {
  const under: LogUnderTest = { make: (retain) => synchronousLogs().make(retain), bounds: ['bytes'] }
  const claim = logClaims.find(({ needs }) => needs.join() === 'reopen,clock,retain.ageMs')
  t.equal(claim?.notApplicable(under), 'not applicable: the log under test does not offer reopen and clock and retain.ageMs')
  await t.rejects(claim?.run(under) ?? Promise.resolve(), { code: 'FST_EVENTFEED_BAD_OPTION', message: claim?.name })
})

t.test('a claim closes what it opened, and removes what it made, also where it fails', async (t) => {
  const under = storedLogs()
  const made = new Set<StoredLog>()
  const discarded = new Set<StoredLog>()
  const make = async (retain: Partial<Retention>): Promise<StoredLog> => {
    const log = await under.make(retain)
    made.add(log)
    return log
  }
  const discard = (log: StoredLog): void => { discarded.add(log) }
  const unreadable = async (retain: Partial<Retention>): Promise<StoredLog> => {
    return Object.assign(await make(retain), { earliest: () => Promise.reject(new Error('unreadable')) })
  }
  for (const claim of logClaims.filter((claim) => claim.notApplicable(under) === false)) {
    await claim.run({ ...under, make, discard })
    // many claims fail by this, in their middle
    await claim.run({ ...under, make: unreadable, discard }).catch(() => {})
  }
  t.ok(made.size > 100)
  for (const log of made) t.equal(log.storage.holds.size, 0)
  t.equal(discarded.size, made.size)
})
