/** A feed, in every way to be served: each event once, in order, whole, and while the stream is open. */
import type { Feed } from '../../lib/index.ts'
import { onEveryWay, serveWay } from './serve-way.ts'

const LONG = '→😀'.repeat(160_000)

onEveryWay('events of a feed arrive one by one, a thousand of one tick once and in order, and long ones whole', async (t, way) => {
  let feed: Feed | undefined
  const { peer } = await serveWay(t, way, (app) => {
    const numbers = feed = app.feed('numbers')
    app.get('/', (_request, reply) => reply.sse(numbers.subscribe()))
    app.get('/even', (_request, reply) => reply.sse(numbers.subscribe({ where: ({ data }) => Number(String(data).split(' ')[0]) % 2 === 0 })))
  })
  const publish = async (data: string): Promise<void> => { await feed?.publish({ event: 'message', data }) }
  const all = (await peer()).ask('/')
  const even = (await peer()).ask('/even')
  const answers = [all, even]
  for (const answer of answers) await answer.until('stream:bookmark')

  for (let number = 0; number < 10; number += 2) {
    await publish(`${number}`)
    for (const answer of answers) await answer.until(`data: ${number}\n`)
    await publish(`${number + 1}`)
    await all.until(`data: ${number + 1}\n`)
  }
  t.strictSame(all.numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])

  for (let number = 10; number < 1010; number++) publish(`${number} añb→😀`)
  await all.until('data: 1009 añb→😀\n')
  await even.until('data: 1008 añb→😀\n')
  t.strictSame(all.numbers, Array.from({ length: 1010 }, (_, i) => i))
  t.strictSame(even.numbers, Array.from({ length: 505 }, (_, i) => i * 2))

  await publish(`1010 ${LONG}`)
  await publish('1012 behind it')
  for (const answer of answers) {
    await answer.until('data: 1012 behind it\n')
    const { events } = answer
    t.ok(events.at(-2)?.data === `1010 ${LONG}`, 'the long one is whole')
    const ids = events.filter(({ event }) => event === 'message').map(({ id }) => id)
    t.equal(new Set(ids).size, ids.length, 'each has an id of its own')
    t.notOk(answer.hasEnded)
  }

  feed?.end()
  for (const answer of answers) {
    await answer.whole()
    t.match(answer.events.at(-1), { event: 'stream:done' })
  }
})

onEveryWay('who comes back with the last event ID goes on behind it', async (t, way) => {
  let feed: Feed | undefined
  const { peer } = await serveWay(t, way, (app) => {
    const numbers = feed = app.feed('numbers')
    app.get('/', (_request, reply) => reply.sse(numbers.subscribe()))
  })
  const first = (await peer()).ask('/')
  await first.until('stream:bookmark')
  for (let number = 0; number < 5; number++) await feed?.publish({ event: 'message', data: `${number}` })
  await first.until('data: 4\n')
  const id = first.events.find(({ data }) => data === '2')?.id
  Object.values(first.leavings)[0]?.()
  const second = (await peer()).ask('/', { headers: { 'last-event-id': String(id) } })
  await second.until('data: 4\n')
  await feed?.publish({ event: 'message', data: '5' })
  await second.until('data: 5\n')
  t.strictSame(second.numbers, [3, 4, 5])
  t.notMatch(second.text, 'stream:gap')
})
