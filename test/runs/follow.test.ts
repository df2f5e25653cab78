/** Following a run, by a loop and by a stream: from its beginning, after some events, or after a last event ID. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { Type } from 'typebox'
import { OpenStream, until } from '../feed/open-stream.ts'
import { eventually } from '../story/raw-client.ts'
import { all, dataOf, familyOf, Script } from './family.ts'

const numbers = (count: number): Array<{ event: string, data: number }> => Array.from({ length: count }, (_, index) => ({ event: 'n', data: index + 1 }))

t.test('everybody who follows gets all from the beginning, whenever they come', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  const first = new OpenStream(runs.follow(run.id))
  script.say(...numbers(2))
  await until(() => first.data.length === 2, 'the first has both')
  const second = new OpenStream(runs.follow(run.id))
  script.say({ event: 'n', data: 3 }).end()
  await until(() => second.source.end !== undefined && first.source.end !== undefined, 'both end')
  const third = new OpenStream(runs.follow(run.id))
  for (const stream of [first, second, third]) {
    t.strictSame(stream.data, [1, 2, 3])
    t.strictSame(stream.source.end, { kind: 'done' })
  }
  t.strictSame(first.events, third.events)
})

t.test('a run is encoded once for all who follow it', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  const streams = Array.from({ length: 5 }, () => new OpenStream(runs.follow(run.id), { isStalled: true }))
  script.say(...numbers(3))
  await until(() => run.events === 3, 'all are said')
  for (const stream of streams) stream.read(1)
  const batches = streams.map(({ source }) => source.read(256 * 1024))
  t.ok(batches[0] !== undefined && batches[0].events === 3)
  t.ok(batches.every((batch) => batch === batches[0]), 'all have the same bytes')
})

t.test('a projection runs once for each event, for all who give the same function', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(numbers(3))
  let calls = 0
  const as = ({ data }: { data: unknown }): { data: unknown } => {
    calls++
    return { data: Number(data) * 2 }
  }
  await eventually(() => run.state === 'done', 'it ends')
  const streams = Array.from({ length: 4 }, () => new OpenStream(runs.follow(run.id, { as }), { isStalled: true }))
  for (const stream of streams) stream.resume()
  t.strictSame(streams.map(({ data }) => data), Array(4).fill([2, 4, 6]))
  t.equal(calls, 3)
})

t.test('where leaves events out, and key is the id of the run', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(numbers(5))
  const keys = new Set<unknown>()
  const where = ({ key, data }: { key: unknown, data: unknown }): boolean => {
    keys.add(key)
    return Number(data) % 2 === 1
  }
  t.strictSame(await dataOf(runs.follow(run.id, { where })), [1, 3, 5])
  t.strictSame(await dataOf(runs.follow(run.id, { where, as: ({ event, data }) => ({ event: `${event}s`, data: [data] }) })), [[1], [3], [5]])
  t.strictSame([...keys], [run.id])
})

for (const [skip, data] of [[0, [1, 2, 3]], [1, [2, 3]], [2, [3]], [3, []], [4, []], [1e9, []]] as const) {
  t.test(`skip: ${skip} leaves out the first ${skip} events of a run that is over`, async (t) => {
    const { runs } = familyOf(t)
    const run = runs.start(numbers(3))
    await eventually(() => run.state === 'done', 'it ends')
    t.strictSame(await dataOf(runs.follow(run.id, { skip })), data)
    t.strictSame(new OpenStream(runs.follow(run.id, { skip })).data, data)
  })

  t.test(`skip: ${skip} leaves out the first ${skip} events of a run that is about to begin, with a filter too`, async (t) => {
    const { runs } = familyOf(t)
    const script = new Script()
    const run = runs.start(script.source)
    const streams = [runs.follow(run.id, { skip }), runs.follow(run.id, { skip, where: () => true })].map((follower) => new OpenStream(follower))
    for (const number of numbers(3)) {
      script.say(number)
      await until(() => run.events === number.data, 'it is said')
      await turn()
    }
    script.end()
    await until(() => streams.every(({ source }) => source.end !== undefined), 'they end')
    for (const stream of streams) t.strictSame(stream.data, data)
  })
}

t.test('skip counts the events of the run, and not those that a filter takes', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(numbers(6))
  t.strictSame(await dataOf(runs.follow(run.id, { skip: 2, where: ({ data }) => Number(data) % 2 === 0 })), [4, 6])
})

t.test('a client that comes back goes on after its last event ID, in the middle and at the end', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(numbers(4))
  await eventually(() => run.state === 'done', 'it ends')
  const ids = (await all(runs.follow(run.id))).map(({ id }) => id)
  for (const [index, id] of ids.entries()) {
    const stream = new OpenStream(runs.follow(run.id), { after: id })
    t.strictSame(stream.data, [1, 2, 3, 4].slice(index + 1))
    t.strictSame(stream.gaps, [])
  }
})

t.test('a last event ID beats skip, but none brings back what is skipped', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  script.say(...numbers(2))
  await until(() => run.events === 2, 'two are said')
  const early = new OpenStream(runs.follow(run.id, { skip: 4 }))
  t.strictSame(early.data, [])
  const after = early.lastEventId
  early.close()
  script.say({ event: 'n', data: 3 })
  await until(() => run.events === 3, 'three are said')
  const waiting = new OpenStream(runs.follow(run.id, { skip: 4 }), { after })
  script.say({ event: 'n', data: 4 }, { event: 'n', data: 5 }, { event: 'n', data: 6 })
  await until(() => waiting.data.length === 2, 'what follows comes')
  t.strictSame(waiting.data, [5, 6])
  t.strictSame(new OpenStream(runs.follow(run.id, { skip: 4 }), { after }).data, [5, 6], 'who was there before the fourth')
  t.strictSame(new OpenStream(runs.follow(run.id, { skip: 4 }), { after: waiting.own[0]?.id }).data, [6], 'who has the fifth')
  t.strictSame(new OpenStream(runs.follow(run.id, { skip: 1 }), { after: waiting.own[0]?.id }).data, [6])
})

t.test('what is skipped does not come after a gap either, whether the run has had it or not', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  const after = '0123456789-3'
  const early = new OpenStream(runs.follow(run.id, { skip: 1 }), { after })
  script.say(...numbers(3))
  await until(() => early.data.length === 2, 'what follows comes')
  for (const stream of [early, new OpenStream(runs.follow(run.id, { skip: 1 }), { after })]) {
    t.match(stream.gaps, [{ requested: after, reason: 'epoch' }])
    t.strictSame(stream.data, [2, 3])
  }
})

for (const [what, after, reason] of [['of another log', '0123456789-3', 'epoch'], ['that is none', 'nonsense', 'malformed']] as const) {
  t.test(`a last event ID ${what} is a gap, and then comes all that there is`, async (t) => {
    const { runs } = familyOf(t)
    const run = runs.start(numbers(2))
    await eventually(() => run.state === 'done', 'it ends')
    const stream = new OpenStream(runs.follow(run.id), { after })
    t.match(stream.gaps, [{ requested: after, reason }])
    t.strictSame(stream.data, [1, 2])
  })
}

t.test('a run that was stopped tells its reason to all who follow, and to who comes later', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  const streams = [new OpenStream(runs.follow(run.id)), new OpenStream(runs.follow(run.id, { where: () => false }))]
  await runs.stop(run.id, 'user')
  await until(() => streams.every(({ source }) => source.end !== undefined), 'they end')
  for (const stream of [...streams, new OpenStream(runs.follow(run.id))]) t.strictSame(stream.source.end, { kind: 'done', reason: 'user' })
})

t.test('a run that has failed ends its streams for good, by a code without internals', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(() => { throw new Error('secret') })
  await eventually(() => run.state === 'failed', 'it fails')
  t.match(new OpenStream(runs.follow(run.id)).source.end, { kind: 'failed', code: 'FST_EVENTFEED_RUN_FAILED', isFinal: true, error: { message: /^the run "[\w-]+" has failed$/ } })
})

t.test('who leaves stops nothing, and who is left by all goes on', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  const streams = Array.from({ length: 3 }, () => new OpenStream(runs.follow(run.id)))
  t.equal(runs.stats().streams, 3)
  for (const stream of streams) stream.close()
  t.equal(runs.stats().streams, 0)
  script.say(...numbers(2)).end()
  await eventually(() => run.state === 'done', 'it ends')
  t.equal(run.events, 2)
})

t.test('a run with declared events keeps what they name, and fails at an event of another type', async (t) => {
  const { runs } = familyOf(t, { events: { token: Type.Object({ text: Type.String() }) } })
  const run = runs.start([{ event: 'token', data: { text: 'a', secret: 1 } }, { event: 'other', data: 1 }])
  const data: unknown[] = []
  await t.rejects(async () => { for await (const event of runs.follow(run.id)) data.push(event.data) }, { code: 'FST_EVENTFEED_RUN_FAILED' })
  t.strictSame(data, [{ text: 'a' }])
  t.match(run.error, { code: 'FST_EVENTFEED_UNKNOWN_EVENT' })
})

t.test('a loop that is left lets go of the run', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  script.say(...numbers(3))
  for await (const { data } of runs.follow(run.id)) if (data === 2) break
  t.equal(runs.stats().streams, 0)
  t.equal(run.state, 'running')
})
