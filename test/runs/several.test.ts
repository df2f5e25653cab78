/** Several runs on one stream, and in one loop: those that run, those that have ended, those that start later. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../clock.ts'
import { OpenStream, until } from '../feed/open-stream.ts'
import { eventually } from '../story/raw-client.ts'
import { dataOf, familyOf, Script } from './family.ts'

/** Scripts by the ids of their runs, which are started when a test says so. */
function scriptsOf (...ids: string[]): Map<string, Script> {
  return new Map(ids.map((id) => [id, new Script()]))
}

const started = (runs: ReturnType<typeof familyOf>['runs'], scripts: Map<string, Script>, id: string): Script => {
  const script = scripts.get(id) ?? new Script()
  runs.start(script.source, { id })
  return script
}

t.test('several runs are sent on one stream, each from its beginning, and it ends with the last', async (t) => {
  const { runs } = familyOf(t)
  const scripts = scriptsOf('a', 'b')
  const a = started(runs, scripts, 'a').say('a1')
  const b = started(runs, scripts, 'b').say('b1')
  await until(() => runs.stats().events === 2, 'both have begun')
  const stream = new OpenStream(runs.follow(['a', 'b'], { as: ({ data, key }) => ({ data: { run: key, data } }) }))
  t.strictSame(stream.data, [{ run: 'a', data: 'a1' }, { run: 'b', data: 'b1' }])
  a.end()
  await until(() => runs.stats().running === 1, 'one ends')
  await turn()
  t.equal(stream.source.end, undefined)
  b.say('b2').end()
  await until(() => stream.source.end !== undefined, 'it ends')
  t.strictSame(stream.data.slice(2), [{ run: 'b', data: 'b2' }])
  t.strictSame(stream.source.end, { kind: 'done' })
  t.match(stream.own.at(-1)?.id, /^a==\w+-1,b=\w+-2$/, 'an id says what the client has of each')
})

t.test('a run that starts later comes from its beginning, and counts as running until then', async (t) => {
  const { runs } = familyOf(t)
  const stream = new OpenStream(runs.follow(['a', 'later']))
  runs.start(['a1'], { id: 'a' })
  await until(() => stream.own.length === 1, 'the first comes')
  await turn()
  t.equal(stream.source.end, undefined)
  runs.start(['l1', 'l2'], { id: 'later' })
  await until(() => stream.source.end !== undefined, 'it ends')
  t.strictSame(stream.own.map(({ data }) => data), ['a1', 'l1', 'l2'])
})

t.test('a stream of no run stays open, and takes those that are followed later, on all streams', async (t) => {
  const { runs } = familyOf(t)
  const follower = runs.follow([])
  const streams = [new OpenStream(follower), new OpenStream(follower)]
  await turn()
  t.ok(streams.every(({ source }) => source.end === undefined))
  runs.start(['a1'], { id: 'a' })
  await until(() => runs.stats().running === 0, 'it ends')
  follower.follow('a')
  follower.follow('a')
  await until(() => streams.every(({ source }) => source.end !== undefined), 'they end')
  for (const stream of streams) t.strictSame(stream.own.map(({ data }) => data), ['a1'])
})

t.test('a run that is unfollowed says nothing any more, and the stream ends without it', async (t) => {
  const { runs } = familyOf(t)
  const scripts = scriptsOf('a', 'b')
  const a = started(runs, scripts, 'a').say('a1')
  const b = started(runs, scripts, 'b').say('b1')
  const follower = runs.follow(['a', 'b'])
  const stream = new OpenStream(follower)
  await until(() => stream.own.length === 2, 'both have begun')
  follower.unfollow('a')
  a.say('a2')
  b.say('b2')
  await until(() => stream.own.length === 3, 'the other goes on')
  t.match(stream.own.at(-1), { data: 'b2', id: /^b=\w+-2$/ })
  b.end()
  await until(() => stream.source.end !== undefined, 'it ends')
  t.equal(runs.stats().streams, 0)
  t.equal((await runs.get('a')).state, 'running')
})

t.test('a client that comes back goes on in each run, and a run that its id does not name begins', async (t) => {
  const { runs } = familyOf(t)
  const scripts = scriptsOf('a', 'b')
  started(runs, scripts, 'a').say('a1', 'a2')
  const stream = new OpenStream(runs.follow(['a', 'b']))
  await until(() => stream.own.length === 2, 'it has the first')
  const after = stream.lastEventId
  stream.close()
  scripts.get('a')?.say('a3')
  started(runs, scripts, 'b').say('b1', 'b2')
  await until(() => runs.stats().events === 5, 'all are said')
  const again = new OpenStream(runs.follow(['a', 'b']), { after })
  await until(() => again.own.length === 3, 'it has the rest')
  t.strictSame(again.own.map(({ data }) => data), ['a3', 'b1', 'b2'])
  t.strictSame(again.gaps, [])
})

t.test('the end of one run takes back nothing of another in the ids', async (t) => {
  const { runs } = familyOf(t)
  runs.start(['a1'], { id: 'a' })
  const b = started(runs, scriptsOf('b'), 'b').say('b1')
  await until(() => runs.stats().running === 1 && runs.stats().events === 2, 'one is over, the other has begun')
  const first = new OpenStream(runs.follow(['a', 'b']), { isStalled: true })
  await until(() => first.read(1) > 0 && first.own.length === 1, 'it has the first')
  first.close()
  const second = new OpenStream(runs.follow(['a', 'b']), { after: first.lastEventId })
  await until(() => second.own.length === 1, 'the end of the one comes, and the event of the other')
  second.close()
  b.say('b2').end()
  const third = new OpenStream(runs.follow(['a', 'b']), { after: second.lastEventId })
  await until(() => third.source.end !== undefined, 'it ends')
  t.strictSame([first, second, third].flatMap(({ own }) => own.map(({ data }) => data)), ['a1', 'b1', 'b2'])
})

t.test('a run that has failed does not end the others; at the end the stream has failed, for good', async (t) => {
  const { runs } = familyOf(t)
  const scripts = scriptsOf('a', 'b')
  started(runs, scripts, 'a').say('a1').fail(new Error('secret'))
  const b = started(runs, scripts, 'b')
  const stream = new OpenStream(runs.follow(['a', 'b']))
  await until(() => runs.stats().ended.failed === 1, 'one fails')
  b.say('b1')
  await until(() => stream.own.length === 2, 'the other goes on')
  t.equal(stream.source.end, undefined)
  b.end()
  await until(() => stream.source.end !== undefined, 'it ends')
  t.match(stream.source.end, { kind: 'failed', code: 'FST_EVENTFEED_RUN_FAILED', isFinal: true })
})

t.test('a run that was freed and that the client has in part is a gap; one whose end it has seen is none', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, keepMs: 10 })
  const scripts = scriptsOf('seen', 'part', 'on')
  started(runs, scripts, 'seen').say('s1')
  started(runs, scripts, 'part').say('p1')
  started(runs, scripts, 'on').say('o1')
  const ids = ['seen', 'part', 'on']
  const stream = new OpenStream(runs.follow(ids))
  await until(() => stream.own.length === 3, 'all have begun')
  scripts.get('seen')?.end()
  await until(() => stream.events.at(-1)?.id?.includes('==') === true, 'the end of one is seen')
  const after = stream.lastEventId
  stream.close()
  scripts.get('part')?.say('p2').end()
  await until(() => runs.stats().running === 1, 'the other ends')
  clock.advance(10)
  const again = new OpenStream(runs.follow(ids), { after })
  scripts.get('on')?.say('o2').end()
  await until(() => again.source.end !== undefined, 'it ends')
  t.match(again.gaps, [{ requested: /-1$/, oldest: null, reason: 'trimmed', feed: 'part' }])
  t.strictSame(again.own.map(({ data }) => data), ['o2'])
  t.strictSame(again.source.end, { kind: 'done' })
  const third = new OpenStream(runs.follow(ids), { after: again.events.findLast(({ event }) => event === 'stream:gap')?.id })
  await turn()
  t.strictSame(third.gaps, [], 'a gap is told once')
})

for (const after of ['nonsense', 'a=x=y,b', '~done.a=b', 'a=,b=', ',', 'a==']) {
  t.test(`the last event ID ${after} loses nothing`, async (t) => {
    const { runs } = familyOf(t)
    runs.start(['a1'], { id: 'a' })
    await until(() => runs.stats().running === 0, 'it ends')
    const stream = new OpenStream(runs.follow(['a']), { after })
    await until(() => stream.source.end !== undefined, 'it ends')
    t.strictSame(stream.own.map(({ data }) => data), ['a1'])
  })
}

t.test('a filter may follow and unfollow runs while it is asked', async (t) => {
  const { runs } = familyOf(t)
  const scripts = scriptsOf('a', 'b')
  const a = started(runs, scripts, 'a').say('a1', 'a2')
  started(runs, scripts, 'b').say('b1').end()
  const follower = runs.follow(['a'], {
    where: ({ data }) => {
      if (data === 'a2') follower.follow('b')
      if (data === 'b1') follower.unfollow('a')
      return true
    }
  })
  const stream = new OpenStream(follower)
  await until(() => stream.source.end !== undefined, 'it ends')
  t.strictSame(stream.own.map(({ data }) => data), ['a1', 'a2', 'b1'])
  a.end()
})

t.test('what a stream of several runs holds is free when it is closed', async (t) => {
  const { runs } = familyOf(t)
  const follower = runs.follow(['a', 'b'])
  started(runs, scriptsOf('a'), 'a')
  const stream = new OpenStream(follower)
  t.equal(runs.stats().streams, 1)
  stream.close()
  t.equal(runs.stats().streams, 0)
  follower.follow('c')
  runs.start(['b1'], { id: 'b' })
  await turn()
  t.equal(runs.stats().streams, 0, 'a run that starts later finds nobody')
})

t.test('what is no id is refused at once', async (t) => {
  const { runs } = familyOf(t)
  const follower = runs.follow([])
  for (const id of ['', 'a,b', 1, null]) {
    t.throws(() => runs.follow([id as string]), { code: 'FST_EVENTFEED_BAD_OPTION' })
    t.throws(() => { follower.follow(id as string) }, { code: 'FST_EVENTFEED_BAD_OPTION' })
  }
})

t.test('a loop over several runs gives the events of all, also of those that start later', async (t) => {
  const { runs } = familyOf(t)
  const follower = runs.follow(['a', 'later'])
  runs.start(['a1', 'a2'], { id: 'a' })
  const loop = dataOf(follower)
  await eventually(() => runs.stats().running === 0, 'the first ends')
  runs.start(['l1'], { id: 'later' })
  t.strictSame(await loop, ['a1', 'a2', 'l1'])
  t.equal(runs.stats().streams, 0)
})

t.test('a loop over several runs rejects at the end where one has failed', async (t) => {
  const { runs } = familyOf(t)
  runs.start(() => { throw new Error('no') }, { id: 'a' })
  const script = new Script()
  runs.start(script.source, { id: 'b' })
  const data: unknown[] = []
  const loop = (async () => { for await (const event of runs.follow(['a', 'b'])) data.push(event.data) })()
  loop.catch(() => {})
  await eventually(() => runs.stats().ended.failed === 1, 'one fails')
  script.say('b1').end()
  await t.rejects(loop, { code: 'FST_EVENTFEED_RUN_FAILED', cause: { message: 'no' } })
  t.strictSame(data, ['b1'])
})

t.test('a loop over several runs takes runs in and gives them up while it runs', async (t) => {
  const { runs } = familyOf(t)
  const scripts = scriptsOf('a', 'b')
  started(runs, scripts, 'a').say('a1')
  started(runs, scripts, 'b').say('b1')
  const follower = runs.follow(['a'])
  const data: unknown[] = []
  for await (const event of follower) {
    data.push(event.data)
    if (event.data === 'a1') follower.follow('b')
    if (event.data === 'b1') break
  }
  t.strictSame(data, ['a1', 'b1'])
  await turn()
  t.equal(runs.stats().streams, 0)
  const second = dataOf(follower)
  follower.unfollow('a')
  follower.unfollow('b')
  follower.follow('c')
  runs.start(['c1'], { id: 'c' })
  t.strictSame((await second).filter((value) => value === 'c1'), ['c1'])
})

t.test('more runs than an event ID can list are an error of the stream, before anything is sent', async (t) => {
  const { runs } = familyOf(t)
  const ids = Array.from({ length: 200 }, () => runs.start(['a']).id)
  await eventually(() => runs.stats().running === 0, 'all end')
  const few = new OpenStream(runs.follow(ids.slice(0, 90)))
  await until(() => few.source.end !== undefined, 'it ends')
  t.equal(few.own.length, 90)
  const many = new OpenStream(runs.follow(ids))
  t.strictSame(many.events, [])
  t.match(many.source.end, { kind: 'failed', error: { code: 'FST_EVENTFEED_ID_TOO_LONG' } })
  many.close()
  few.close()
  t.equal(runs.stats().streams, 0)
})

t.test('a gap of one of several runs says of which', async (t) => {
  const { runs } = familyOf(t, { retain: { entries: 1 }, whenFull: 'trim' })
  runs.start(['a1', 'a2'], { id: 'a' })
  runs.start(['b1'], { id: 'b' })
  await eventually(() => runs.stats().running === 0, 'both end')
  t.match(new OpenStream(runs.follow(['a', 'b'])).gaps, [{ reason: 'trimmed', feed: 'a' }])
})
