/** What an error prints of a wrong option is what was given: `Infinity` is not `null`. */
import fc, { type Arbitrary } from 'fast-check'
import fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { shown } from '../../lib/errors.ts'
import eventfeed from '../../lib/index.ts'
import metrics from '../../lib/metrics/index.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { DATA_OPTIONS, FUNCTION_OPTIONS } from '../injector/wrong-options.ts'

class Point { readonly x = 1 }
const circular: Record<string, unknown> = {}
circular['itself'] = circular

t.test('values are shown as they are', async (t) => {
  const SHOWN: ReadonlyArray<[value: unknown, text: string]> = [
    [Infinity, 'Infinity'], [-Infinity, '-Infinity'], [NaN, 'NaN'], [-0, '-0'], [0, '0'], [1.5, '1.5'], [1n, '1n'], [undefined, 'undefined'], [null, 'null'],
    [true, 'true'], ['a\n"\u0000', '"a\\n\\"\\u0000"'], [Symbol('x'), 'a symbol'], [() => {}, 'a function'], [[], '[]'], [{}, '{}'],
    [[Infinity, null, undefined, -0, 1n], '[Infinity,null,undefined,-0,1n]'], [{ a: { b: NaN }, c: Symbol('x') }, '{"a":{"b":NaN},"c":a symbol}'],
    [new Map(), 'an instance of Map'], [new Point(), 'an instance of Point'], [new Date(NaN), 'an invalid Date'], [{ since: new Date(NaN) }, '{"since":an invalid Date}'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'], [Object(Infinity), 'an instance of Number'], [{ toJSON: () => null }, 'an object'], [Object.create(null), '{}'],
    [circular, 'an object'], [new Proxy({}, { getPrototypeOf () { throw new Error('no') } }), 'something that cannot be looked at']
  ]
  for (const [value, text] of SHOWN) t.equal(shown(value), text)
  t.match(shown('x'.repeat(200)), /^"x{79}… \(202 characters\)$/)
})

/** What is odd, and no `null`. */
const odd: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    Infinity, -Infinity, NaN, -0, undefined, 1n, Symbol('odd'), () => {}, new Date(NaN), new Map(), new Set(), new Point(), circular, Object(NaN), /x/, Promise.resolve(),
    { toJSON: () => null }, { toJSON: () => undefined }, new Error('odd')
  ),
  fc.double(), fc.boolean(), fc.string().filter((text) => !text.includes('null'))
)
const nested: Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, odd, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', 'entries', 'last', 'since'), tie('value'), { maxKeys: 3 }))
})).value

t.test('nothing is shown as null that is none', async () => {
  fc.assert(fc.property(nested, (value) => !/\bnull\b/.test(shown(value))), { numRuns: 2_000 })
})

/** Gives one option in the place where it belongs; what it throws, or answers, is what is looked at. */
const GIVERS: Readonly<Record<string, (app: FastifyInstance, given: object) => unknown>> = {
  SubscribeOptions: (app, given) => (app.feed.get('numbers') ?? app.feed('numbers')).subscribe(given),
  FeedOptions: (app, given) => { app.feed('other', given).end() },
  EventStreamOptions: async (app, given) => {
    const { message, code } = (await app.inject({ method: 'POST', url: '/', payload: {}, headers: { 'x-option': String(attempts.push(given) - 1) } })).json<{ message: string, code?: string }>()
    if (code !== undefined) throw Object.assign(new Error(message), { code })
  },
  EventfeedOptions: async (_app, given) => {
    const app = fastify()
    try { await app.register(eventfeed, given) } finally { await app.close() }
  },
  MetricsOptions: async (app, given) => { await app.register(metrics, given) },
  SqliteOptions: (_app, given) => { sqliteLogs(given as { file: string }) },
  PublishOptions: (app, given) => (app.feed.get('numbers') ?? app.feed('numbers')).publish({ data: 1, ...given }),
  RunsOptions: (app, given) => { app.runs('odd', given) },
  FollowOptions: (app, given) => { runsOf(app).follow('an id', given) },
  StartOptions: (app, given) => { runsOf(app).start(() => [], given).id.toString() },
  Eventfeed: (app, given) => { for (const value of Object.values(given)) app.eventfeed.kick(value as string, value as string) }
}

/** The options of the requests to `/`, by their number. */
const attempts: object[] = []
const families = new WeakMap<FastifyInstance, ReturnType<FastifyInstance['runs']>>()
function runsOf (app: FastifyInstance): ReturnType<FastifyInstance['runs']> {
  const family = families.get(app) ?? app.runs('family')
  families.set(app, family)
  return family
}

const OPTIONS: readonly string[] = [
  ...Object.keys({ ...DATA_OPTIONS, ...FUNCTION_OPTIONS }), 'SubscribeOptions.keys', 'FeedOptions.log', 'EventfeedOptions.clock', 'MetricsOptions.prefix',
  ...['file', 'retain', 'synchronous'].map((name) => `SqliteOptions.${name}`), ...['key', 'keys', 'event', 'dedupeId'].map((name) => `PublishOptions.${name}`),
  ...['keepMs', 'maxRuns', 'maxBytes', 'retain', 'whenFull', 'events', 'log'].map((name) => `RunsOptions.${name}`),
  ...['skip', 'where', 'as'].map((name) => `FollowOptions.${name}`), 'StartOptions.id', 'Eventfeed.kick'
]

t.test('no error about an option says null of what is none', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  app.post('/', ({ headers }, reply) => reply.sse(new Set<string>(), attempts[Number(headers['x-option'])]))
  let refused = 0
  await fc.assert(fc.asyncProperty(fc.constantFrom(...OPTIONS), nested, async (name, value) => {
    const [of = '', option = ''] = name.split('.')
    try {
      await GIVERS[of]?.(app, { [option]: value })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && /^FST_EVENTFEED_BAD_/.test(String(error.code)))) return
      refused++
      if (/\bnull\b/.test(error.message)) throw new Error(`${name}: ${error.message}`)
    }
  }), { numRuns: 3_000 })
  t.ok(refused > 1_000, `${refused} were refused`)
})

t.test('retain.entries: Infinity is refused as Infinity', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  t.throws(() => app.feed('chat', { retain: { entries: Infinity } }), { code: 'FST_EVENTFEED_BAD_OPTION', message: /retain\.entries must be an integer of 1 or more, not Infinity$/ })
})
