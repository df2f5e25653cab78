/** The log in memory fulfils the contract. */
import t from 'tap'
import { MemoryLog } from '../../lib/log/memory-log.ts'
import { testEventLog } from './event-log.ts'

testEventLog(t, {
  make: (retain, clock) => new MemoryLog({ retain, clock }),
  moved: moveBy,
  malformed: (position) => [
    position.toUpperCase().replace(/-/, '-x'), position.replace('-', '--'), position.replace('-', ''), position.replace('-', '-0'),
    `${position}.5`, `${position}e1`, position.replace(/-.*/, '-'), position.replace(/.*-/, '-'), `${position}-1`,
    `${'a'.repeat(33)}-1`, position.replace(/-.*/, '-1000000000000000'), position.replace(/-.*/, '-١')
  ],
  elsewhere: (position) => [`0${position}`, position.replace(/.*-/, 'z-'), `${'a'.repeat(32)}-0`, position.replace(/^.*-.*/, `1700-${'9'.repeat(15)}`)]
})

function moveBy (position: string, by: number): string {
  return position.replace(/\d+$/, (index) => String(Number(index) + by))
}
