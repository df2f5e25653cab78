/** A process that is killed in the middle of its runs: it says which events each run has. */
import { setTimeout } from 'node:timers/promises'
import Fastify from 'fastify'
import eventfeed from '../../lib/index.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'

const [, , file = ''] = process.argv
const app = Fastify()
await app.register(eventfeed)
const answers = app.runs('answers', { log: sqliteLogs({ file }) })

answers.start(async function * () { yield * ['a', 'b']; return { tokens: 2 } }, { id: 'done', tag: 'ada' })
const endless = answers.start(async function * () {
  for (let n = 1; ; n++) {
    yield { event: 'token', data: { n } }
    await setTimeout(1)
  }
}, { id: 'endless', tag: { user: 'bob' } })
await app.ready()

let events = 0
for await (const { event } of answers.follow('done')) if (event === 'message') events++
if (events === 2) console.log('done')
for await (const { data } of answers.follow(endless.id)) console.log(`${(data as { n: number }).n}`)
