/** Clients that run in Node, each as the README of its package says. */
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createEventSource } from 'eventsource-client'
import EventSource2 from 'eventsource-2'
import { EventSource as EventSource3 } from 'eventsource-3'
import { EventSource as EventSource4 } from 'eventsource-4'
import { EventSource as EventSource5 } from 'eventsource-5'
import { EventSourceParserStream as Parser3 } from 'eventsource-parser-3/stream'
import { EventSourceParserStream as Parser4 } from 'eventsource-parser-4/stream'
import { stream } from 'fetch-event-stream'
import { EventSource as LaunchDarkly } from 'launchdarkly-eventsource'
import { parseServerSentEvents } from 'parse-sse'
import { EventSource as Undici6 } from 'undici-6'
import { EventSource as Undici7 } from 'undici-7'
import { EventSource as Undici8 } from 'undici-8'
import * as heyApi from './.made/hey-api/index.ts'
import { listen } from './pages/eventsource.js'

const eventSource = (EventSource) => ({ url, signal, ...user }) => {
  const source = new EventSource(url)
  signal.addEventListener('abort', () => source.close())
  listen(source, user)
}

/** Its content type says that it sends JSON. */
const bodyOf = (method) => method === 'POST' ? { body: '{}' } : {}

const parser = (ParserStream) => async ({ url, method, signal, item }) => {
  const response = await fetch(url, { method, signal })
  if (!response.ok) throw new Error(`status ${response.status}`)
  for await (const { event, data } of response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new ParserStream())) item({ type: event, data })
}

const fetchEventStream = (headers) => async ({ url, method, signal, item }) => {
  for await (const { event, data } of await stream(url, { method, headers, signal, ...bodyOf(method) })) item({ type: event, data })
}

/** The generated functions, by method and path. */
const HEY_API = {
  GET: {
    '/feed': heyApi.getFeed,
    '/latest': heyApi.getLatest,
    '/gap': heyApi.getGap,
    '/finite': heyApi.getFinite,
    '/failing': heyApi.getFailing,
    '/run': heyApi.getRun
  },
  POST: { '/finite': heyApi.postFinite, '/failing': heyApi.postFailing, '/run': heyApi.postRun }
}

export const drivers = {
  'undici 6': eventSource(Undici6),
  'undici 7': eventSource(Undici7),
  'undici 8': eventSource(Undici8),
  'EventSource of Node': eventSource(globalThis.EventSource),
  'eventsource 2': eventSource(EventSource2),
  'eventsource 3': eventSource(EventSource3),
  'eventsource 4': eventSource(EventSource4),
  'eventsource 5': eventSource(EventSource5),
  'launchdarkly-eventsource': eventSource(LaunchDarkly),

  'eventsource-client' ({ url, signal, opened, item, closed }) {
    const source = createEventSource({
      url,
      onConnect: opened,
      onMessage: ({ event, data }) => item({ type: event, data }),
      // it calls this before it closes itself, which it does in the same turn
      onDisconnect: () => queueMicrotask(() => { if (source.readyState === 'closed') closed() })
    })
    signal.addEventListener('abort', () => source.close())
  },

  'fetch-event-stream': fetchEventStream(),
  'fetch-event-stream, `accept: */*`': fetchEventStream({ accept: '*/*' }),

  'eventsource-parser 3': parser(Parser3),
  'eventsource-parser 4': parser(Parser4),

  async 'parse-sse' ({ url, method, signal, item }) {
    const response = await fetch(url, { method, signal })
    for await (const { type, data } of parseServerSentEvents(response)) item({ type, data })
  },

  async '@hey-api/openapi-ts' ({ origin, path, method, signal, item }) {
    const { stream } = await HEY_API[method][path]({ baseUrl: origin, signal })
    for await (const data of stream) item({ type: 'message', data: JSON.stringify(data) })
  },

  /** Its transport, which a client of MCP hands messages to. The request, a call of a tool, has the id 1. */
  async '@modelcontextprotocol/sdk' ({ url, method, signal, item, ended, failed }) {
    const transport = new StreamableHTTPClientTransport(new URL(url))
    signal.addEventListener('abort', () => transport.close())
    transport.onmessage = (message) => {
      item({ type: 'message', data: JSON.stringify({ n: (message.params ?? message.result).n }) })
      if (method === 'POST' && message.id === 1) ended()
    }
    await transport.start()
    const message = method === 'GET' ? { method: 'notifications/initialized' } : { id: 1, method: 'tools/call', params: { name: 'count' } }
    transport.send({ jsonrpc: '2.0', ...message }).catch(failed)
    // it says nothing when a stream has ended that it asked for by GET
    await new Promise(() => {})
  }
}
