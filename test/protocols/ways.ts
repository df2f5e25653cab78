/**
 * The ways to be served: protocols, what lies under them, and what hooks put before them. Each claim of this folder is told on
 * every way; where one cannot hold, the way says why.
 */
import { fastify, type FastifyInstance } from 'fastify'
import { setImmediate as turn } from 'node:timers/promises'
import { PassThrough, type Readable } from 'node:stream'
import { constants, createGzip } from 'node:zlib'

/** What not all ways can do. */
export type Ability =
  /** The connection serves another request behind a stream. */
  | 'reuse'
  /** The server closes a connection that is idle. */
  | 'time-outs'
  /** The server sees that a client takes a part of one large event. */
  | 'progress'
  /** `app.close()` returns while streams are open. */
  | 'close'

/** One way to be served. */
export interface Way {
  readonly name: string
  /** Which server listens. */
  readonly server: 'http' | 'https' | 'http2' | 'http2 over TLS' | 'http2 over TLS with HTTP/1'
  /** What the client speaks. */
  readonly protocol: '1.0' | '1.1' | '2' | 'inject'
  /** What lies under the protocol, where it is no socket. */
  readonly isDuplex?: boolean
  /** What the client sends with each request. */
  readonly headers?: Readonly<Record<string, string>>
  /** What it asks in the same packet, before each request and behind it. */
  readonly beside?: { readonly before: string | undefined, readonly behind: string | undefined }
  /** Hooks of the application. */
  readonly prepare?: (app: FastifyInstance) => void
  /** Headers of a stream that are there by the way. */
  readonly brings?: Readonly<Record<string, string>>
  /** Trailers of a stream that are there by the way. */
  readonly trailers?: Readonly<Record<string, string>>
  /** Why nothing of it holds on this version of Node, if so. */
  readonly broken?: string | undefined
  /** What cannot hold on this way, and why. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>
}

const isStream = (payload: unknown): payload is Readable => typeof payload === 'object' && payload !== null && 'pipe' in payload

const NO_CONNECTION = 'an injected request has no connection'

/** False for Fastify 5.0, which leaves out the trailers of any payload that is a stream. */
const SENDS_TRAILERS = !fastify().version.startsWith('5.0.')

export const WAYS: readonly Way[] = [
  { name: 'HTTP/1.1', server: 'http', protocol: '1.1', cannot: {} },
  {
    name: 'HTTP/1.1 with connection: close',
    server: 'http',
    protocol: '1.1',
    headers: { connection: 'close' },
    brings: { connection: 'close' },
    cannot: { reuse: 'the client has asked that the connection be closed' }
  },
  { name: 'HTTP/1.0', server: 'http', protocol: '1.0', cannot: { reuse: 'a body without a length ends with its connection' } },
  {
    name: 'HTTP/1.0 with connection: keep-alive',
    server: 'http',
    protocol: '1.0',
    headers: { connection: 'keep-alive' },
    cannot: { reuse: 'a body without a length ends with its connection' }
  },
  { name: 'HTTP/1.1, pipelined between two requests', server: 'http', protocol: '1.1', beside: { before: '/beside', behind: '/beside' }, cannot: {} },
  { name: 'HTTP/1.1, pipelined behind a slow request', server: 'http', protocol: '1.1', beside: { before: '/beside?slowly', behind: undefined }, cannot: {} },
  { name: 'HTTP/1.1 over TLS', server: 'https', protocol: '1.1', cannot: {} },
  { name: 'HTTP/1.1 over TLS of an HTTP/2 server', server: 'http2 over TLS with HTTP/1', protocol: '1.1', cannot: {} },
  { name: 'HTTP/1.1 over a stream that is no socket', server: 'http', protocol: '1.1', isDuplex: true, cannot: { 'time-outs': 'what is no socket has none' } },
  { name: 'HTTP/2 over TLS', server: 'http2 over TLS', protocol: '2', cannot: {} },
  { name: 'HTTP/2 in the clear', server: 'http2', protocol: '2', cannot: {} },
  { name: 'inject', server: 'http', protocol: 'inject', cannot: { reuse: NO_CONNECTION, 'time-outs': NO_CONNECTION } },
  {
    name: 'HTTP/1.1 through a PassThrough of a hook',
    server: 'http',
    protocol: '1.1',
    prepare: (app) => { app.addHook('onSend', async (_request, _reply, payload) => isStream(payload) ? payload.pipe(new PassThrough()) : payload) },
    cannot: {}
  },
  {
    name: 'HTTP/1.1, compressed by a hook',
    server: 'http',
    protocol: '1.1',
    prepare: (app) => {
      app.addHook('onSend', async (_request, reply, payload) => {
        if (!isStream(payload)) return payload
        reply.header('content-encoding', 'gzip')
        return payload.pipe(createGzip({ flush: constants.Z_SYNC_FLUSH }))
      })
    },
    brings: { 'content-encoding': 'gzip' },
    cannot: {}
  },
  {
    name: 'HTTP/1.1 with a content-encoding that changes nothing',
    server: 'http',
    protocol: '1.1',
    prepare: (app) => { app.addHook('onSend', async (_request, reply) => { reply.header('content-encoding', 'identity') }) },
    brings: { 'content-encoding': 'identity' },
    cannot: {}
  },
  {
    name: 'HTTP/1.1 with a trailer',
    server: 'http',
    protocol: '1.1',
    prepare: (app) => { app.addHook('onSend', async (_request, reply, payload) => { if (isStream(payload)) reply.trailer('x-behind', async () => 'all') }) },
    brings: { trailer: 'x-behind' },
    trailers: SENDS_TRAILERS ? { 'x-behind': 'all' } : {},
    cannot: {}
  },
  {
    name: 'HTTP/1.1, corked by a hook',
    server: 'http',
    protocol: '1.1',
    prepare: (app) => {
      app.addHook('onSend', async (_request, { raw }) => {
        raw.cork()
        turn().then(() => { raw.uncork() })
      })
    },
    broken: [22, 24].includes(Number.parseInt(process.versions.node)) ? 'Node 22 and 24 send the last chunk of a response that ends while it is corked before its bytes' : undefined,
    cannot: {}
  }
]
