/** The log in memory fulfils the contract, and takes no text for a position that is none. */
import t from 'tap'
import { MemoryLog } from '../../lib/log/memory-log.ts'
import { logClaims, type LogUnderTest } from '../../lib/testing/log.ts'
import { ManualClock } from '../clock.ts'
import { laterBy } from './references.ts'

const clock = new ManualClock()
const under: LogUnderTest<MemoryLog> = {
  clock,
  make: (retain) => new MemoryLog({ retain, clock }),
  ahead: (position) => laterBy(position, 1)
}

for (const claim of logClaims) t.test(claim.name, { skip: claim.notApplicable(under) }, () => claim.run(under))

t.test('what is nearly a position is malformed, or of another epoch', async (t) => {
  const log = new MemoryLog()
  const position = log.append({ event: 'message', json: '1', keys: [], at: 0 })
  const malformed = [
    position.toUpperCase().replace(/-/, '-x'), position.replace('-', '--'), position.replace('-', ''),
    position.replace('-', '-0'), `${position}.5`, `${position}e1`, position.replace(/-.*/, '-'),
    position.replace(/.*-/, '-'), `${position}-1`, `${'a'.repeat(33)}-1`, position.replace(/-.*/, '-1000000000000000'),
    position.replace(/-.*/, '-١'), '', ' ', `${position}\n`, ` ${position}`, '9'.repeat(100_000)
  ]
  for (const text of malformed) t.match(log.locate(text), { kind: 'gap', reason: 'malformed' }, text.slice(0, 50))
  const elsewhere = [`0${position}`, position.replace(/.*-/, 'z-'), `${'a'.repeat(32)}-0`, `1700-${'9'.repeat(15)}`]
  for (const text of elsewhere) t.match(log.locate(text), { kind: 'gap', reason: 'epoch' }, text)
  t.strictSame(log.locate(position), { kind: 'found' })
})
