/**
 * The recipe of an application behind nginx, through a real one, and for a page of another origin in a real browser.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import type * as Recipe from '../../example-app/recipes/proxy.ts'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { nginx } from '../programs.ts'
import { startNginx } from '../proxies/nginx-server.ts'
import { eventually } from '../story/raw-client.ts'
import { serve, Visitor } from './visitor.ts'

/** The streams that one address may have. */
const STREAMS_OF_ONE = 10

export async function proxy (t: Test, folder: string, { buildApp }: typeof Recipe): Promise<void> {
  const locations = await readFile(join(folder, 'proxy.conf'), 'utf8')
  /** Serves the application to pages of some origins. Gives the address that nginx has for it. */
  const start = async (t: Test, pages: string[]) => {
    const app = await buildApp(pages, { retryMs: 10, drainTimeoutMs: 500 })
    const { origin: upstream, cut } = await serve(t, app)
    const origin = await startNginx(t, upstream, locations.replace('http://127.0.0.1:3000', upstream))
    return { app, cut, url: `${origin}/app` }
  }

  t.test('under a sub-path, each event arrives while its stream is open, and no stream is compressed', {
    skip: nginx.skip
  }, async (t) => {
    const { app, url } = await start(t, [])
    const ada = await Visitor.login(t, url, 'ada')
    const tab = ada.open('/prices')
    for (let price = 1; price <= 5; price++) {
      await ada.ask('PUT', '/prices', { symbol: 'ABC', price })
      t.strictSame((await tab.until('price', price)).at(-1), { symbol: 'ABC', price })
    }
    t.match(tab.events[0], { type: 'stream:bookmark' })

    const catalogue = await ada.fetch('/catalogue', { headers: { 'accept-encoding': 'gzip' } })
    t.equal(catalogue.headers.get('content-encoding'), 'gzip', 'other answers are')
    await catalogue.text()
    const headers = { 'accept-encoding': 'gzip, br', accept: 'text/event-stream' }
    const stream = await ada.fetch('/prices', { headers })
    t.match(stream.headers.get('content-type'), 'text/event-stream')
    t.equal(stream.headers.get('content-encoding'), null)
    await stream.body?.cancel()
    await eventually(() => app.eventfeed.stats().connections === 1, 'a client that leaves nginx leaves the application')

    t.equal(await Visitor.nobody(t, url).status('GET', '/prices'), 401)
  })

  t.test('streams are counted by the address of their client, not by that of nginx', {
    skip: nginx.skip
  }, async (t) => {
    const { url } = await start(t, [])
    const ada = await Visitor.login(t, url, 'ada')
    const leaving = new AbortController()
    t.teardown(() => { leaving.abort() })
    const from = async (address: string): Promise<number> => {
      const { status } = await ada.fetch('/prices', { headers: { 'x-forwarded-for': address }, signal: leaving.signal })
      return status
    }
    for (let count = 1; count <= STREAMS_OF_ONE; count++) t.equal(await from('203.0.113.1'), 200)
    t.equal(await from('203.0.113.1'), 429, 'one more')
    t.equal(await from('203.0.113.2'), 200, 'somebody else')
  })

  t.test('a stream that is cut is a failure for a client that is no EventSource', { skip: nginx.skip }, async (t) => {
    const { app, url } = await start(t, [])
    // the `fetch` of Node 20 takes any end for a clean one where the connection was not to be kept
    const headers = { connection: 'keep-alive' }
    const stream = await (await Visitor.login(t, url, 'ada')).fetch('/prices', { headers })
    t.equal(app.eventfeed.kick(({ route }) => route === 'GET /prices'), 1)
    await t.rejects(stream.text())
  })

  t.test('a page of another origin gets the events, after a cut too, and one that is not allowed gets nothing', {
    skip: nginx.skip || skipWithoutBrowser
  }, async (t) => {
    const [allowed, foreign] = [await servePage(t), await servePage(t)]
    const { cut, url } = await start(t, [allowed])
    const browser = await openBrowser(t)

    const { page, complaints } = await openWindow(browser)
    await page.goto(allowed)
    t.equal(await page.evaluate(openAsAda(url)), 200)
    const ada = await Visitor.login(t, url, 'ada')
    const publish = async (price: number): Promise<void> => {
      await ada.ask('PUT', '/prices', { symbol: 'ABC', price })
    }
    await publish(1)
    await eventually(async () => (await prices(page)).length === 1, 'the first price')
    cut()
    await publish(2)
    await eventually(async () => (await prices(page)).length === 2, 'the second price')
    t.strictSame(await prices(page), [1, 2])
    t.strictSame(complaints, [])

    const other = await openWindow(browser)
    await other.page.goto(foreign)
    t.equal(await other.page.evaluate(openAsAda(url)), 0, 'not even to log in')
    await other.page.evaluate(open(url))
    await eventually(async () => await other.page.evaluate('source.readyState') === 2, 'its EventSource gives up')
    t.strictSame(await prices(other.page), [])
    t.match(other.complaints.join(), /CORS policy/)
  })
}

/** For a page: opens the stream, and keeps what comes. */
const open = (url: string): string => `(() => {
  globalThis.prices = []
  globalThis.source = new EventSource('${url}/prices', { withCredentials: true })
  source.addEventListener('price', ({ data }) => { prices.push(JSON.parse(data).price) })
})()`

/** ... and logs in first. Gives the status of that, 0 where the browser does not show it. */
const openAsAda = (url: string): string => `(async () => {
  const headers = { 'content-type': 'application/json' }
  const login = { method: 'POST', credentials: 'include', headers, body: '{"user":"ada"}' }
  const { status } = await fetch('${url}/login', login).catch(() => ({ status: 0 }))
  if (status === 200) ${open(url)}
  return status
})()`

async function prices (page: Page): Promise<unknown[]> {
  return await page.evaluate('prices')
}

/** Serves an empty page. Gives its origin: another one than nginx has, of the same site, so cookies are sent along. */
async function servePage (t: Test): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<p>a page'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(async () => {
    server.closeAllConnections()
    await once(server.close(), 'close')
  })
  const { port } = server.address() as AddressInfo // a TCP server's address is never a string
  return `http://127.0.0.1:${port}`
}
