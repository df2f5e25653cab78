/**
 * Type tests of runs: nothing here runs. `tsc --noEmit` checks that what is right is allowed, and that each line under
 * an `@ts-expect-error` is wrong.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastify } from 'fastify'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { projection, type Run, type Runs, type SourceArguments } from '../../lib/index.ts'

const Token = Type.Object({ text: Type.String() })
const Shout = Type.Object({ loud: Type.Boolean() })
const app = fastify()
const typed = app.withTypeProvider<TypeBoxTypeProvider>()
const answers = app.runs('answers', { events: { token: Token }, keepMs: 1, maxRuns: 1, maxBytes: 1, whenFull: 'trim', retain: { entries: 1 } })
const open = app.runs('open')
const token = { event: 'token', data: { text: 'a' } } as const

// a source yields what is declared
const run: Run = answers.start(async function * ({ signal, until, id }) {
  await until(fetch(id, { signal }))
  yield token
  return 7
}, { id: 'a', tag: { user: 1 } })
answers.start([token])
answers.start(async () => [token])
answers.start(Readable.from([]))
answers.start(answers.follow('a'))
answers.start([answers.follow('a'), answers.follow('b')])
open.start(['a', { data: 1 }, { event: 'any', data: null }])
// a function that streams may be a run
const stream = async function * ({ signal, lastEventId }: SourceArguments): AsyncGenerator<string> { yield `${lastEventId}${signal.aborted}` }
open.start(stream)
// @ts-expect-error an event type that is not declared
answers.start([{ event: 'other', data: { text: 'a' } }])
// @ts-expect-error a field of another type
answers.start(async function * () { yield { event: 'token', data: { text: 1 } } })
// @ts-expect-error a string is no declared event
answers.start(['a'])
// @ts-expect-error an id is a string
answers.start([token], { id: 1 })
// @ts-expect-error no source
open.start(1)
// @ts-expect-error a run is read-only
run.state = 'done'

// what a follower gets
for await (const event of answers.follow('a')) {
  if (event.event === 'stream:gap') continue
  const text: string = event.data.text
  const type: 'token' = event.event
  const key: string | undefined = event.key
  console.log(text, type, key)
}
for await (const event of answers.follow('a', { as: ({ data }) => ({ event: 'loud', data: { loud: data.text === 'A' } }) })) {
  if (event.event !== 'stream:gap') console.log(event.data.loud, event.event satisfies 'loud')
}
answers.follow('a', { skip: 1, where: ({ event, data, key }) => event === 'token' && data.text === key })
// @ts-expect-error a filter is synchronous
answers.follow('a', { where: async () => true })
// @ts-expect-error a field that is not declared
answers.follow('a', { where: ({ data }) => data.no })
// @ts-expect-error a count is a number
answers.follow('a', { skip: '1' })

// several on one stream
const several = answers.follow(['a', 'b'], { as: ({ data, key }) => ({ data: { text: `${key}: ${data.text}` } }) })
several.follow('c')
several.unfollow('a')
for await (const event of several) if (event.event !== 'stream:gap') console.log(event.data.text)
typed.get('/several', { schema: { events: { token: Token } } }, (_request, reply) => reply.sse(several))
// @ts-expect-error ids are strings
answers.follow([1])
// @ts-expect-error one run cannot be exchanged
answers.follow('a').follow('b')

// reply.sse takes what the route declares
typed.get('/a', { schema: { events: { token: Token } } }, (_request, reply) => reply.sse(answers.follow('a')))
typed.get('/b', { schema: { events: { token: Token, loud: Shout } } }, (_request, reply) => reply.sse(async () => answers.follow('a')))
typed.get('/c', { schema: { events: { loud: Shout } } }, (_request, reply) => reply.sse(answers.follow('a', { as: projection(Shout, () => ({ event: 'loud', data: { loud: true } })) })))
app.get('/d', (_request, reply) => reply.sse(answers.follow('a')))
app.get('/e', (_request, reply) => reply.sse(open.follow('a')))
// @ts-expect-error the run has an event that the route does not declare
typed.get('/f', { schema: { events: { loud: Shout } } }, (_request, reply) => reply.sse(answers.follow('a')))

const state: 'running' | 'done' | 'failed' | 'stopped' = (await answers.stop('a', 'user')).state
const error: { readonly code: string, readonly message: string } | undefined = (await answers.get('a')).error
const runs: Runs<{ token: { text: string } }> = answers
console.log(state, error, runs.list(), app.eventfeed.stats().runs['answers']?.running)
// @ts-expect-error two ways to be full
app.runs('full', { whenFull: 'drop' })
