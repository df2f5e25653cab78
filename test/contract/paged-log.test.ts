/** A log that is asynchronous throughout, and holds a small window of a longer history, can fulfil the contract. */
import t from 'tap'
import { testEventLog } from './event-log.ts'
import { PagedLog } from './old-paged-log.ts'

testEventLog(t, {
  make: (retain, clock) => new PagedLog({ retain, clock }),
  moved: (position, by) => position.replace(/\d+$/, (number) => String(Number(number) + by)),
  malformed: (position) => [position.replace('-', '-0'), position.replace('-', '--'), position.replace('-', '_'), `0${position}`, `${position}.5`, `a${position}`],
  elsewhere: (position) => [`9${position}`, `1-${'9'.repeat(15)}`],
  failNext: (log) => { if (log instanceof PagedLog) log.failures.push(new Error('the disk is full')) }
})

t.test('its history is longer than its window', async (t) => {
  const log = new PagedLog()
  t.teardown(() => log.close())
  for (let number = 0; number < 10; number++) await log.append({ event: 'message', json: String(number), key: undefined, at: 0 })
  t.equal(log.window.size, 3)
  t.equal((await log.earliest()).start.kind, 'older')
})
