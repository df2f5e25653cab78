/**
 * A server with a feed in SQLite that publishes numbers until it is killed, or told to stop, and prints what it does. Plain
 * JavaScript, because it is started often.
 *
 *     node story-process.mjs <file> <port> <first number>
 *
 * It prints "open <port>", then "<number> <id>" for each number that was acknowledged, and "refused <number> <code>" for each that
 * was not. What it reads: "stop", it publishes no more, and prints "stopped" after the rest; "fill <path>" and "free <path>", it fills the disk with
 * a file, and removes it.
 */
import Fastify from 'fastify'
import eventfeed from 'fastify-eventfeed'
import { sqliteLogs } from 'fastify-eventfeed/sqlite'
import { appendFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers/promises'
import { say } from './say.mjs'

const [, , file = '', port = '0', first = '1'] = process.argv

const app = Fastify({ forceCloseConnections: true })
await app.register(eventfeed, { retryMs: 1 })
const feed = app.feed('numbers', { log: sqliteLogs({ file, retain: { entries: 100_000 } })('numbers') })
app.get('/numbers', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
await app.listen({ host: '127.0.0.1', port: Number(port) })
say(`open ${app.server.address().port}`)

const state = { isStopped: false, underWay: 0 }
const actions = {
  stop: () => { state.isStopped = true },
  fill: (path) => {
    for (let bytes = 65_536; bytes >= 1; bytes /= 2) {
      try {
        for (;;) appendFileSync(path, 'x'.repeat(bytes))
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error
      }
    }
    say('filled')
  },
  free: (path) => {
    rmSync(path)
    say('freed')
  }
}
createInterface(process.stdin).on('line', (line) => {
  const [action, path] = line.split(' ')
  actions[action](path)
})

for (let number = Number(first); !state.isStopped;) {
  const published = []
  for (let count = Math.ceil(Math.random() * 5); count > 0; count--, number++) {
    const own = number
    state.underWay++
    published.push(Promise.resolve(feed.publish({ event: 'number', data: own }))
      .then((id) => { say(`${own} ${id}`) }, (error) => { say(`refused ${own} ${error.code}`) })
      .finally(() => { state.underWay-- }))
  }
  // sometimes several ticks are under way
  if (Math.random() < 0.5) await Promise.all(published)
  else await setImmediate()
}
while (state.underWay > 0) await setImmediate()
say('stopped')
