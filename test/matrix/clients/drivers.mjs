/** Clients that run in Node, each as the README of its package says. */
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
import { listen } from './pages/eventsource.js'

const eventSource = (EventSource) => ({ url, signal, ...user }) => {
  const source = new EventSource(url)
  signal.addEventListener('abort', () => source.close())
  listen(source, user)
}

const parser = (ParserStream) => async ({ url, method, signal, item }) => {
  const response = await fetch(url, { method, signal })
  if (!response.ok) throw new Error(`status ${response.status}`)
  for await (const { event, data } of response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new ParserStream())) item({ type: event, data })
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

  async 'fetch-event-stream' ({ url, method, signal, item }) {
    for await (const { event, data } of await stream(url, { method, signal })) item({ type: event, data })
  },

  'eventsource-parser 3': parser(Parser3),
  'eventsource-parser 4': parser(Parser4),

  async 'parse-sse' ({ url, method, signal, item }) {
    const response = await fetch(url, { method, signal })
    for await (const { type, data } of parseServerSentEvents(response)) item({ type, data })
  }
}
