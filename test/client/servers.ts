/** Servers for clients to be tried on, and a client whose waits cost no time. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { openFeed, type ClientFeed, type FeedEvent, type FeedState, type OpenFeedOptions } from '../../lib/client/index.ts'
import { ManualClock } from '../clock.ts'

/** How one request is answered. */
export type Answer = (response: ServerResponse, request: IncomingMessage) => unknown

export interface Scripted {
  readonly url: string
  /** The requests that have arrived, in their order. */
  readonly requests: IncomingMessage[]
  readonly server: Server
}

/** A server that answers the first request by the first function, and so on; the last one answers all that follow. */
export async function scripted (t: Test, ...answers: Answer[]): Promise<Scripted> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    response.on('error', () => {})
    answers[Math.min(requests.length, answers.length) - 1]?.(response, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    if (server.listening) await new Promise((resolve) => { server.close(resolve) })
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, server }
}

/** Opens a stream, and says this; it stays open. */
export function says (text: string | Uint8Array, headers: Record<string, string> = {}): Answer {
  return (response) => { head(response, headers).write(text) }
}

/** Opens a stream, says this, and then ends it as HTTP does. */
export function ends (text: string | Uint8Array, headers: Record<string, string> = {}): Answer {
  return (response) => { head(response, headers).end(text) }
}

/** Opens a stream, says this, and then cuts the line. */
export function cuts (text: string): Answer {
  return (response) => { head(response).write(text, () => { response.socket?.destroy() }) }
}

/** Answers with a status. */
export function status (code: number, headers: Record<string, string> = {}): Answer {
  return (response) => { response.writeHead(code, headers).end() }
}

export function head (response: ServerResponse, headers: Record<string, string> = {}): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
}

/** The words for the end of a stream. */
export const DONE = 'event: stream:done\ndata: {}\nid: ~done.\n\n'

/** An event with a number as its data and its id. */
export function numbered (number: number): string {
  return `data: ${number}\nid: ${number}\n\n`
}

export interface Followed<Types> {
  readonly feed: ClientFeed<Types>
  readonly clock: ManualClock
  readonly states: FeedState[]
}

/** Opens a feed whose waits between attempts are over at once: its clock is moved by as much as it waits. */
export function follow<Types = { message: number }> (t: Test, url: string, options: OpenFeedOptions & { events?: undefined } = {}): Followed<Types> {
  const clock = new ManualClock()
  const states: FeedState[] = []
  const feed = openFeed<Types>(url, {
    clock,
    ...options,
    onState (state) {
      states.push(state)
      if (state.state === 'retrying') setImmediate(() => { if (!feed.isClosed) clock.advance(state.delayMs) })
      options.onState?.(state)
    }
  })
  t.teardown(async () => {
    feed.close()
    await new Promise((resolve) => { setImmediate(resolve) })
    if (clock.timers > 0) throw new Error(`${clock.timers} timers of a feed that is closed are left`)
  })
  return { feed, clock, states }
}

/** All that a feed gives, up to its end. */
export async function all<Types> (feed: ClientFeed<Types>): Promise<Array<FeedEvent<Types>>> {
  const events: Array<FeedEvent<Types>> = []
  for await (const event of feed) events.push(event)
  return events
}

/** The names of states, and the kinds of their errors. */
export function told (states: readonly FeedState[]): string[] {
  return states.map((state) => {
    const error = 'error' in state && state.error instanceof Error && 'code' in state.error ? String(state.error.code).replace('FST_EVENTFEED_CLIENT_', ' ') : ''
    return `${state.state}${error}`
  })
}
