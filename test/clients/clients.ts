/** The clients, behind one face: each opens a stream, hands on what it dispatches, and leaves when the test ends. */
import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { curl } from '../programs.ts'
import { EVENT_TYPES, type Seen } from './story.ts'

/** A client. */
export interface Client {
  readonly name: string
  /** For the option `skip` of a test. */
  readonly skip: string | false
  /** Opens `path` of the app at `origin`, and hands on each event. */
  open (t: Test, stream: Stream): Promise<OpenClient>
}

/** What to open, and who wants to know. */
export interface Stream { readonly origin: string, readonly path: string, readonly onEvent: (seen: Seen) => void }

/** A client at work. */
export interface OpenClient {
  /** Settles when the client has stopped for good: by itself, not by the test's end. */
  readonly stopped: Promise<unknown>
  /** What a browser's console says: nothing, but that lines were cut. */
  readonly complaints?: readonly string[]
}

const ignoring = (error: unknown) => { if (!(error instanceof Error && error.name === 'AbortError')) throw error }

const eventsource: Client = {
  name: 'eventsource',
  skip: false,
  async open (t, { origin, path, onEvent }) {
    const source = new EventSource(`${origin}${path}`)
    t.teardown(() => source.close())
    for (const type of EVENT_TYPES) source.addEventListener(type, ({ type, data, lastEventId }) => onEvent({ type, data, id: lastEventId }))
    return {
      stopped: new Promise<void>((resolve) => {
        source.addEventListener('error', () => { if (source.readyState === source.CLOSED) resolve() })
      })
    }
  }
}

const eventsourceClient: Client = {
  name: 'eventsource-client',
  skip: false,
  async open (t, { origin, path, onEvent }) {
    const stopped = new Promise<void>((resolve) => {
      const source = createEventSource({
        url: `${origin}${path}`,
        onMessage: (message) => onEvent(seen(message)),
        // it calls this before it closes itself, which it does in the same turn
        onDisconnect: () => queueMicrotask(() => { if (source.readyState === 'closed') resolve() })
      })
      t.teardown(() => source.close())
    })
    return { stopped }
  }
}

const plainFetch: Client = {
  name: 'fetch, chunk by chunk',
  skip: false,
  async open (t, { origin, path, onEvent }) {
    const leaving = new AbortController()
    t.teardown(() => leaving.abort())
    const response = await fetch(`${origin}${path}`, { headers: { accept: 'text/event-stream' }, signal: leaving.signal })
    const read = reader(onEvent)
    const reading = async () => { for await (const chunk of response.body ?? []) read(chunk) }
    return { stopped: reading().catch(ignoring) }
  }
}

const curlProgram: Client = {
  name: 'curl -N',
  skip: curl.skip,
  async open (t, { origin, path, onEvent }) {
    const process = spawn(curl.path, ['-N', '--silent', '--show-error', '--header', 'accept: text/event-stream', `${origin}${path}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(process, 'exit')
    t.teardown(async () => {
      process.kill('SIGKILL')
      await exited
    })
    process.stdout.on('data', reader(onEvent))
    return { stopped: once(process.stdout, 'end') }
  }
}

/** Chromium with a page of the app's origin, in which `script` reads the stream. */
function inChromium (name: string, script: string): Client {
  return {
    name: `Chromium, ${name}`,
    skip: skipWithoutBrowser,
    async open (t, { origin, path, onEvent }) {
      const { page, complaints } = await openWindow(await openBrowser(t))
      await serve(page, origin)
      await page.exposeFunction('onEvent', onEvent)
      let onStopped = () => {}
      const stopped = new Promise<void>((resolve) => { onStopped = resolve })
      await page.exposeFunction('onStopped', onStopped)
      await page.goto(`${origin}/`)
      await page.addScriptTag({ type: 'module', content: `const url = ${JSON.stringify(path)}, types = ${JSON.stringify(EVENT_TYPES)};\n${script}` })
      return { stopped, complaints }
    }
  }
}

const nativeEventSource = inChromium('its own EventSource', `
  const source = new EventSource(url)
  for (const type of types) source.addEventListener(type, ({ type, data, lastEventId }) => onEvent({ type, data, id: lastEventId }))
  source.addEventListener('error', () => { if (source.readyState === EventSource.CLOSED) onStopped() })
`)

const fetchEventSource = inChromium('@microsoft/fetch-event-source', `
  import { fetchEventSource } from '/fetch-event-source/index'
  await fetchEventSource(url, {
    onmessage ({ event, data, id }) {
      onEvent({ type: event || 'message', data, id })
    }
  })
  onStopped()
`)

/** All of them. */
export const CLIENTS: readonly Client[] = [eventsource, eventsourceClient, plainFetch, curlProgram, nativeEventSource, fetchEventSource]

/** Those that connect anew by themselves when their line is cut. */
export const RECONNECTING_CLIENTS: readonly Client[] = [eventsource, eventsourceClient, nativeEventSource, fetchEventSource]

/** An empty page, and the modules of @microsoft/fetch-event-source, which name each other without an extension. */
async function serve (page: Page, origin: string): Promise<void> {
  const folder = join(createRequire(import.meta.url).resolve('@microsoft/fetch-event-source/package.json'), '../lib/esm')
  await page.route(`${origin}/`, (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><link rel="icon" href="data:,">' }))
  await page.route(`${origin}/fetch-event-source/*`, async (route) => {
    const [, name] = /\/(index|fetch|parse)$/.exec(route.request().url()) ?? []
    if (name === undefined) return route.abort()
    await route.fulfill({ contentType: 'text/javascript', body: await readFile(join(folder, `${name}.js`), 'utf8') })
  })
}

/** Takes bytes in any pieces, hands on events. A line that is no field fails the test: we write none. */
function reader (onEvent: (seen: Seen) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const parser = createParser({ onEvent: (message) => onEvent(seen(message)), onError: (error) => { throw error } })
  return (chunk) => parser.feed(decoder.decode(chunk, { stream: true }))
}

function seen ({ event = 'message', data, id = '' }: EventSourceMessage): Seen {
  return { type: event, data, id }
}
