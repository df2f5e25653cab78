/**
 * The example app for a test, and its event streams read as a client does: over a real socket.
 */
import type { EventSourceMessage } from 'eventsource-parser'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { buildApp, type AppOptions } from '../../example-app/app.ts'

/** The app, which closes when the test ends. Clients come back after 20 ms, so that a cut costs a test no second. */
export async function openApp (t: Test, options: AppOptions = {}) {
  const app = await buildApp({ forceCloseConnections: true, ...options, eventfeed: { retryMs: 20, drainTimeoutMs: 500, ...options.eventfeed } })
  t.teardown(() => app.close())
  return app
}

/** The app, listening on a port of its own, and its origin. */
export async function listen (t: Test, options: AppOptions = {}) {
  const app = await openApp(t, options)
  await app.listen({ host: '127.0.0.1', port: 0 })
  // A TCP server's address is never a string.
  const { port } = app.server.address() as AddressInfo
  return { app, origin: `http://127.0.0.1:${port}` }
}

/** An open stream. */
export interface Reading {
  response: Response
  /** The next event; rejects when the line is cut, and when the stream ends. */
  next (): Promise<EventSourceMessage>
  /** The next `count` events that are no control events. */
  take (count: number): Promise<EventSourceMessage[]>
  close (): void
}

/** Opens a stream. It closes when the test ends, if not before. */
export async function read (t: Test, url: string, headers: Record<string, string> = {}): Promise<Reading> {
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  const response = await fetch(url, { headers: { accept: 'text/event-stream', 'cache-control': 'no-cache', ...headers }, signal: leaving.signal })
  if (response.status !== 200 || response.body === null) throw new Error(`${response.status}: ${await response.text()}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader()

  const next = async () => {
    const { done, value } = await reader.read()
    if (done) throw new Error('the stream has ended')
    return value
  }
  return {
    response,
    next,
    async take (count) {
      const events: EventSourceMessage[] = []
      while (events.length < count) {
        const event = await next()
        if (!event.event?.startsWith('stream:')) events.push(event)
      }
      return events
    },
    close: () => leaving.abort()
  }
}
