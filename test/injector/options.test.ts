/** Options of the wrong kind are refused by a typed error where they are given, and nothing is left open. */
import fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import eventfeed, {
  type EventfeedOptions,
  type EventStreamOptions,
  type FeedOptions,
  type SubscribeOptions
} from '../../lib/index.ts'
import { DATA_OPTIONS, FUNCTION_OPTIONS } from './wrong-options.ts'

/** The errors that say that an option is wrong. */
const CODES = /^FST_EVENTFEED_BAD_(?:OPTION|SCHEMA|FIELD)$/

const wrong = Object.entries({ ...DATA_OPTIONS, ...FUNCTION_OPTIONS }).flatMap(([name, values]) => {
  const [of = '', option = ''] = name.split('.')
  return values.map((value) => ({ of, option, value }))
})

/** What giving an option throws or answers, by where it is given. */
const GIVERS: Readonly<Record<string, (t: Test, given: Record<string, unknown>) => Promise<unknown>>> = {
  SubscribeOptions: async (t, given) => {
    const app = await appOf(t)
    const feed = app.feed('numbers')
    const code = codeOf(() => feed.subscribe(given as SubscribeOptions))
    t.equal(feed.stats().streams, 0)
    return code
  },
  FeedOptions: async (t, given) => {
    const app = await appOf(t)
    const code = codeOf(() => app.feed('numbers', given as FeedOptions))
    // the name is free still
    t.ok(app.feed('numbers'))
    return code
  },
  EventStreamOptions: async (t, given) => {
    const app = await appOf(t)
    app.get('/', (_request, reply) => reply.sse(['event'], given as EventStreamOptions))
    const response = await app.inject('/')
    t.equal(response.statusCode, 500)
    t.equal(app.eventfeed.stats().connections, 0)
    return response.json<{ code: unknown }>().code
  },
  EventfeedOptions: async (t, given) => {
    const app = fastify()
    t.teardown(() => app.close())
    return await app.register(eventfeed, given as EventfeedOptions)
      .then(() => 'no error', (error: { code?: unknown }) => error.code)
  }
}

for (const [of, give] of Object.entries(GIVERS)) {
  t.test(`wrong options are refused: ${of}`, async (t) => {
    const tried = wrong.filter((one) => one.of === of)
    t.ok(tried.length > 10)
    for (const { option, value } of tried) {
      t.match(
        await give(t, { [option]: value }),
        CODES,
        `${option}: ${typeof value === 'bigint' ? '1n' : JSON.stringify(value)}`
      )
    }
  })
}

async function appOf (t: Test): Promise<FastifyInstance> {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  return app
}

function codeOf (run: () => unknown): unknown {
  try {
    run()
    return 'no error'
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
