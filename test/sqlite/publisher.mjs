/**
 * A process that publishes numbers in a log until it is killed, several in a tick, and prints each when it was
 * acknowledged: `<position> <number>`. It goes on where the log ends. Plain JavaScript, because it is started often.
 *
 *     node publisher.mjs <file>
 */
import { setImmediate } from 'node:timers/promises'
import { sqliteLogs } from 'fastify-eventfeed/sqlite'
import { say } from './say.mjs'

const [, , file = ''] = process.argv
const log = sqliteLogs({ file, retain: { entries: 1_000_000, bytes: Infinity } })('numbers')
let last = 0
await log.tail({
  entries: (entries) => { last = Math.max(last, JSON.parse(entries.at(-1).json).number) },
  lost: () => { process.exitCode = 1 },
  ended: () => { process.exitCode = 1 }
}, { entries: 1, bytes: Infinity })
say('open')

for (;;) {
  for (let count = Math.random() * 20; count > 0; count--) {
    const number = ++last
    // long enough that the write-ahead log is moved into the database now and then
    const json = JSON.stringify({ number, text: 'x'.repeat(Math.random() * 2000) })
    log.append({ event: 'number', json, keys: [], at: Date.now() }).then((position) => { say(`${position} ${number}`) })
  }
  await setImmediate()
}
