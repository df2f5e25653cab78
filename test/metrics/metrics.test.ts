/** The figures as Prometheus metrics: scraped as a Prometheus server does, and read line by line. */
import fastify, { type FastifyInstance } from 'fastify'
import { Counter, Registry, register, type OpenMetricsContentType } from 'prom-client'
import t, { type Test } from 'tap'
import eventfeed, { type EventfeedStats } from '../../lib/index.ts'
import metrics from '../../lib/metrics/index.ts'
import { REFUSAL_REASONS } from '../../lib/plugin/refusal-reasons.ts'
import { END_REASONS } from '../../lib/stream/end.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})

/** The line of a sample: https://prometheus.io/docs/instrumenting/exposition_formats */
const SAMPLE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*)\})? (?<value>-?\d+(\.\d+)?(e[+-]?\d+)?)$/

/** The values of all samples, by name and labels; their kinds, by name. */
function parsed (text: string): { values: Map<string, number>, kinds: Map<string, string> } {
  const values = new Map<string, number>()
  const kinds = new Map<string, string>()
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('# HELP '))) {
    const [, named = '', kind = ''] = /^# TYPE (\S+) (gauge|counter)$/.exec(line) ?? []
    if (kind !== '') {
      kinds.set(named, kind)
      continue
    }
    const { name = '', labels, value } = SAMPLE.exec(line)?.groups ?? {}
    if (name === '') throw new Error(`this is no sample: ${line}`)
    values.set(labels === undefined ? name : `${name}{${labels}}`, Number(value))
  }
  return { values, kinds }
}

/** An application with metrics in a registry of its own, which it serves. */
async function measured (t: Test, routes: (app: FastifyInstance) => void = () => {}): Promise<{ app: FastifyInstance, port: number, scrape: () => Promise<ReturnType<typeof parsed>> }> {
  const registry = new Registry()
  const { app, port } = await serve(t, async (app) => {
    await app.register(metrics, { registry })
    app.get('/metrics', async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
    routes(app)
  })
  return { app, port, scrape: async () => parsed((await app.inject('/metrics')).body) }
}

t.test('before the first stream all counters are 0', async (t) => {
  const { scrape } = await measured(t)
  const { values, kinds } = await scrape()
  t.strictSame([...values], [
    ['eventfeed_streams_opened_total', 0],
    ...END_REASONS.map((reason) => [`eventfeed_streams_ended_total{reason="${reason}"}`, 0]),
    ...REFUSAL_REASONS.map((reason) => [`eventfeed_streams_refused_total{reason="${reason}"}`, 0]),
    ['eventfeed_events_sent_total', 0],
    ['eventfeed_sent_bytes_total', 0]
  ])
  for (const [name, kind] of kinds) t.equal(kind, name.endsWith('_total') ? 'counter' : 'gauge', name)
  t.equal(kinds.size, 37)
})

t.test('a scrape tells what the figures tell', async (t) => {
  const { app, port, scrape } = await measured(t, (app) => {
    const feed = app.feed('chat')
    app.feed('quiet')
    app.get('/chat', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
    app.get('/open', (_request, reply) => reply.sse(async function * ({ until }) { yield 'c'; await until(never()) }))
    app.get('/done', (_request, reply) => reply.sse(['a', 'b']))
    app.post('/chat', async () => feed.publish({ event: 'said', data: 'hi' }))
  })
  await app.inject({ method: 'POST', url: '/chat' })
  await app.inject('/done')
  const clients = await Promise.all(['/chat', '/chat', '/open'].map((path) => RawClient.get(t, port, path)))
  for (const client of clients) await client.until(/data: "?(hi|c)/)

  const { values } = await scrape()
  const { events, bytes, feeds } = app.eventfeed.stats()
  const { chat } = feeds
  t.match(Object.fromEntries(values), {
    'eventfeed_connections{route="GET /chat"}': 2,
    'eventfeed_connections{route="GET /open"}': 1,
    eventfeed_streams_opened_total: 4,
    'eventfeed_streams_ended_total{reason="done"}': 1,
    'eventfeed_streams_ended_total{reason="client"}': 0,
    eventfeed_events_sent_total: events,
    eventfeed_sent_bytes_total: bytes,
    'eventfeed_feed_streams{feed="chat"}': 2,
    'eventfeed_feed_streams{feed="quiet"}': 0,
    'eventfeed_feed_entries{feed="chat"}': 1,
    'eventfeed_feed_entries{feed="quiet"}': 0,
    'eventfeed_feed_bytes{feed="chat"}': chat?.bytes,
    'eventfeed_feed_published_total{feed="chat"}': chat?.published,
    'eventfeed_feed_delivered_total{feed="chat"}': chat?.delivered,
    'eventfeed_feed_filtered_total{feed="chat"}': 0,
    'eventfeed_feed_failed_total{feed="chat"}': 0,
    'eventfeed_feed_lagged_total{feed="chat"}': 0,
    'eventfeed_feed_gaps_total{feed="chat"}': 0
  })
  t.ok((values.get('eventfeed_feed_age_seconds{feed="chat"}') ?? -1) >= 0)
  for (const unit of ['entries', 'bytes']) {
    for (const quantile of ['0.5', '0.9', '0.99', '1']) t.equal(values.get(`eventfeed_feed_lag_${unit}{feed="chat",quantile="${quantile}"}`), 0)
  }
  t.equal(events, 5, 'two of /done, one on each that is open')

  const again = await scrape()
  t.equal(again.values.get('eventfeed_streams_opened_total'), 4, 'a counter is not added up with each scrape')
  for (const client of clients) client.destroy()
  await eventually(() => app.eventfeed.stats().connections === 0, 'all have left')
  const { values: later } = await scrape()
  t.equal(later.get('eventfeed_connections{route="GET /chat"}'), 0, 'a route that was seen stays')
  t.equal(later.get('eventfeed_streams_ended_total{reason="client"}'), 3)
  t.equal(later.get('eventfeed_events_sent_total'), 5)
})

t.test('each figure is in the metric of its name', async (t) => {
  const { app, scrape } = await measured(t)
  const [entries, bytes] = [{ p50: 1, p90: 2, p99: 3, max: 4 }, { p50: 5, p90: 6, p99: 7, max: 8 }]
  const figures: EventfeedStats = {
    ...app.eventfeed.stats(),
    feeds: {
      'a "b"': { entries: 11, bytes: 12, kept: { entries: 21, bytes: 22 }, ageMs: 13_500, streams: 14, published: 15, delivered: 16, filtered: 17, failed: 20, lagged: 18, gaps: 19, lag: { entries, bytes } }
    }
  }
  app.eventfeed.stats = () => figures
  const { values } = await scrape()
  const ofFeed = [...values].filter(([name]) => name.startsWith('eventfeed_feed_')).map(([name, value]) => [name.slice('eventfeed_feed_'.length), value])
  const feed = String.raw`feed="a \"b\""`
  t.strictSame(ofFeed, [
    [`streams{${feed}}`, 14], [`entries{${feed}}`, 11], [`bytes{${feed}}`, 12], [`kept_entries{${feed}}`, 21], [`kept_bytes{${feed}}`, 22], [`age_seconds{${feed}}`, 13.5],
    [`published_total{${feed}}`, 15], [`delivered_total{${feed}}`, 16], [`filtered_total{${feed}}`, 17], [`failed_total{${feed}}`, 20], [`lagged_total{${feed}}`, 18], [`gaps_total{${feed}}`, 19],
    ...[entries, bytes].flatMap(({ p50, p90, p99, max }, index) => Object.entries({ 0.5: p50, 0.9: p90, 0.99: p99, 1: max }).sort()
      .map(([quantile, value]) => [`lag_${index === 0 ? 'entries' : 'bytes'}{${feed},quantile="${quantile}"}`, value]))
  ])
})

t.test('the figures are read once for a scrape', async (t) => {
  const { app, scrape } = await measured(t)
  const { stats } = app.eventfeed
  let reads = 0
  app.eventfeed.stats = () => { reads++; return stats() }
  await scrape()
  t.equal(reads, 1)
  await scrape()
  t.equal(reads, 2)
})

t.test('without options they are in the default registry, under their prefix, until the application closes', async (t) => {
  for (const options of [{}, { prefix: 'shop_' }, { prefix: '' }, { registry: undefined, prefix: undefined }]) {
    const app = fastify()
    await app.register(eventfeed)
    await app.register(metrics, options)
    await app.ready()
    const { values } = parsed(await register.metrics())
    t.equal(values.get(`${options.prefix ?? 'eventfeed_'}streams_opened_total`), 0)
    await app.close()
    t.strictSame(register.getMetricsAsArray(), [], 'nothing is left')
  }
})

t.test('the metrics of others stay, and two applications in one registry need two prefixes', async (t) => {
  const registry = new Registry()
  registry.registerMetric(new Counter({ name: 'theirs', help: 'Of somebody else.', registers: [] }))
  const start = async (prefix?: string): Promise<FastifyInstance> => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(eventfeed)
    await app.register(metrics, { registry, prefix })
    return app
  }
  const one = await start()
  await t.rejects(start(), { code: 'FST_EVENTFEED_BAD_OPTION', message: /eventfeed_connections.*prefix/ })
  const two = await start('two_')
  await one.close()
  t.ok(registry.getSingleMetric('two_connections'))
  await two.close()
  t.strictSame(registry.getMetricsAsArray().map(({ name }) => name), ['theirs'])
})

t.test('a registry for OpenMetrics serves', async (t) => {
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  const { app } = await serve(t, async (app) => {
    await app.register(metrics, { registry })
    app.get('/', (_request, reply) => reply.sse(['a']))
  })
  await app.inject('/')
  for (let scrapes = 0; scrapes < 2; scrapes++) t.match(await registry.metrics(), /^eventfeed_streams_opened_total 1$/m)
  await app.close()
  t.strictSame(registry.getMetricsAsArray(), [], 'nothing is left')
})

t.test('what is wrong at registration is said there', async (t) => {
  const attempt = async (options: object): Promise<void> => {
    const app = fastify()
    t.teardown(() => app.close())
    await app.register(eventfeed)
    await app.register(metrics, options)
  }
  for (const prefix of ['1st_', 'event-feed', 'a b', 7, null]) await t.rejects(attempt({ prefix }), { code: 'FST_EVENTFEED_BAD_OPTION', message: /prefix/ }, String(prefix))
  for (const registry of [{}, 7, null]) await t.rejects(attempt({ registry }), { code: 'FST_EVENTFEED_BAD_OPTION', message: /registry/ })
  const app = fastify()
  await t.rejects(async () => { await app.register(metrics) }, /fastify-eventfeed.*fastify-eventfeed-metrics/, 'before the plugin whose figures they are')
})
