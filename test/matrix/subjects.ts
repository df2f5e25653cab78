/** The clients of the matrix that are no AI clients: where each runs, and in which words the application speaks to it. */
import type { Test } from 'tap'
import type { Subject } from './cases.ts'
import { Chromium } from './chromium.ts'
import { goClient } from './go-client.ts'
import { Host } from './host.ts'
import { firefox, skipWithoutClients } from './installed.ts'
import { EVENTS, type ApplicationEvent, type WorldOptions } from './world.ts'

/** Pages in which HTML is swapped. */
const inParagraphs = { world: { event: (number: number) => ({ data: `<p>${number}</p>` }) }, numberOf: ({ data }: { data: string }) => Number(data) || undefined }

/** Datastar's own events. */
const inFragments = {
  ...inParagraphs,
  world: { event: (number: number) => ({ event: 'datastar-merge-fragments', data: `selector #target\nmergeMode append\nfragments <p>${number}</p>` }) }
}

/** Messages of MCP: notifications, and as the last one the result of the call, where there is one. */
function mcpMessage (number: number, method: string): ApplicationEvent {
  const message = number < EVENTS || method === 'GET' ? { method: 'notifications/message', params: { n: number } } : { id: 1, result: { n: number } }
  return { data: { jsonrpc: '2.0', ...message } }
}

/** The application as a server of MCP: it accepts notifications, and then streams to the same path. */
const mcp: WorldOptions = {
  event: mcpMessage,
  routes (app) {
    app.addHook('preHandler', async (request, reply) => {
      if (JSON.stringify(request.body ?? '').includes('notifications/initialized')) await reply.code(202).send()
    })
    for (const path of ['/feed', '/latest', '/gap']) app.post(path, () => { throw new Error('no notification') })
  }
}

/** Finds the client of a row by its name. All of them end when the test ends. */
export function openSubjects (t: Test): { subjectOf (name: string): Subject, strays (): string[] } {
  const host = new Host('drivers.mjs')
  const olderHost = new Host('drivers.mjs', { node: '22' })
  const firefoxHost = new Host('firefox.mjs', { env: () => ({ FIREFOX: firefox.path }) })
  const hosts = [host, olderHost, firefoxHost]
  const chromium = new Chromium(t)
  t.teardown(() => Promise.all(hosts.map((host) => host.close())))

  const elsewhere: Record<string, Subject> = {
    Chromium: { client: chromium.client('Chromium', 'eventsource') },
    Firefox: { client: firefoxHost.client('Firefox', { skip: firefox.skip || skipWithoutClients }) },
    'EventSource of Node 24': { client: host.client('EventSource of Node') },
    'EventSource of Node 22': { client: olderHost.client('EventSource of Node') },
    'event-source-polyfill': { client: chromium.client('event-source-polyfill', 'event-source-polyfill') },
    'reconnecting-eventsource': { client: chromium.client('reconnecting-eventsource', 'reconnecting-eventsource') },
    'htmx 2': { client: chromium.client('htmx 2', 'htmx-2'), ...inParagraphs },
    'htmx 4': { client: chromium.client('htmx 4', 'htmx-4'), ...inParagraphs },
    'sse.js': { client: chromium.client('sse.js', 'sse') },
    'sse.js, `autoReconnect`': { client: chromium.client('sse.js, autoReconnect', 'sse-reconnecting') },
    Datastar: { client: chromium.client('Datastar', 'datastar'), ...inFragments },
    'Datastar, `accept: */*`': { client: chromium.client('Datastar', 'datastar-plain'), ...inFragments },
    '@microsoft/fetch-event-source': { client: chromium.client('@microsoft/fetch-event-source', 'fetch-event-source') },
    '@microsoft/fetch-event-source, `accept: */*`': { client: chromium.client('@microsoft/fetch-event-source', 'fetch-event-source-plain') },
    'Go: donovanhide/eventsource': { client: goClient },
    '@modelcontextprotocol/sdk': { client: host.client('@modelcontextprotocol/sdk'), world: mcp, isSilent: true }
  }
  return {
    subjectOf: (name) => elsewhere[name] ?? { client: host.client(name) },
    strays: () => [...hosts.flatMap(({ strays }) => strays), ...chromium.strays]
  }
}
