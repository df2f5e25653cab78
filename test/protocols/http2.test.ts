/** Many streams on one HTTP/2 session: each has its own flow control, and its own end. */
import { eventually } from '../story/raw-client.ts'
import { onEveryWay, serveWay } from './serve-way.ts'
import { WAYS } from './ways.ts'

const ways = WAYS.filter(({ protocol }) => protocol === '2')
const LARGE = 'l'.repeat(32 * 1024)

onEveryWay('of twenty streams on a session, one that is not read does not stop the others', async (t, way) => {
  let yielded = 0
  const { app, peer } = await serveWay(t, way, (app) => {
    const news = app.feed('news')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/endless', (_request, reply) => reply.sse(function * () { for (;;) yield `${yielded++} ${LARGE}` }))
    app.get('/publish/:n', async (request) => await news.publish({ event: 'message', data: `${(request.params as { n: string }).n} ${LARGE}` }))
  })
  const client = await peer()
  const stalled = client.ask('/endless')
  await stalled.until('data: 0 ')
  stalled.stall()
  const stalledFeed = client.ask('/feed')
  await stalledFeed.until('stream:bookmark')
  stalledFeed.stall()
  const answers = Array.from({ length: 18 }, () => client.ask('/feed'))
  for (const answer of answers) await answer.until('stream:bookmark')
  t.equal(app.eventfeed.stats().connections, 20)
  for (let n = 0; n < 20; n++) {
    await app.inject(`/publish/${n}`)
    await Promise.all(answers.map((answer) => answer.until(`data: ${n} `)))
  }
  for (const answer of answers) t.strictSame(answer.numbers, Array.from({ length: 20 }, (_, i) => i))
  t.ok(yielded < 200, `${yielded} were pulled for the one that is not read`)
  stalledFeed.flow()
  await stalledFeed.until('data: 19 ')
  t.strictSame(stalledFeed.numbers, Array.from({ length: 20 }, (_, i) => i), 'it goes on where it was')
  stalled.flow()
  await stalled.until(`data: ${yielded + 10} `)
}, { ways })

onEveryWay('a stream that is reset ends alone; a session that is closed ends all of its', async (t, way) => {
  let finals = 0
  const { app, peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { try { yield 'begun'; await until(new Promise(() => {})) } finally { finals++ } }))
  })
  const [client, other] = [await peer(), await peer()]
  const answers = Array.from({ length: 20 }, () => client.ask('/'))
  const beside = other.ask('/')
  for (const answer of [...answers, beside]) await answer.until('data: begun')
  answers[7]?.leavings['resets the stream']?.()
  await ends(1)
  await eventually(() => finals === 1, 'finally runs')
  t.equal(app.eventfeed.stats().connections, 20)
  t.notOk(answers.some((answer, i) => i !== 7 && (answer.isCut || answer.hasEnded)))
  const json = client.ask('/beside')
  await json.whole()
  t.equal(json.text, '{"beside":true}')
  answers[0]?.leavings['destroys the session']?.()
  t.strictSame(await ends(20), Array(20).fill('client'))
  await eventually(() => finals === 20, 'finally runs in each')
  t.equal(app.eventfeed.stats().connections, 1)
  t.notOk(beside.isCut || beside.hasEnded, 'of another session')
}, { ways })
