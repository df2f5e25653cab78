/** The client in a page: cuts, a network that goes away, a page that is kept aside or frozen, and what CORS allows. */
import { build } from 'esbuild'
import type { FastifyInstance } from 'fastify'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type { Feed } from '../../lib/index.ts'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { eventually } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { cuts, DONE, ends, head, numbered, says, scripted, status, type Answer } from './servers.ts'

t.setTimeout(180_000)
const skip = skipWithoutBrowser

/** The client as a page loads it. */
async function bundle (): Promise<string> {
  const { outputFiles: [file] } = await build({
    entryPoints: [join(import.meta.dirname, '../../lib/client/index.ts')], bundle: true, minify: true, format: 'esm', platform: 'browser', write: false
  })
  return file?.text ?? ''
}

/** What a page keeps for the test to look at. */
const PAGE = `<!doctype html><title>client</title><script type="module">
import { openFeed } from '/client.js'
window.seen = []
window.states = []
window.follow = (url, options) => {
  window.feed?.close()
  seen.length = states.length = 0
  window.feed = openFeed(url, { ...options, onState: (state) => { states.push(state.error === undefined ? state.state : state.state + ' ' + String(state.error.code).replace('FST_EVENTFEED_CLIENT_', '')) } })
  feed.on('message', ({ data }) => { seen.push(data) })
}
addEventListener('pageshow', ({ persisted }) => { if (persisted) window.cameBack = true })
window.isReady = true
</script>`

interface Chat { readonly feed: Feed<{ message: number }>, readonly origin: string, readonly app: FastifyInstance }

async function servePage (t: Test): Promise<Chat> {
  const client = await bundle()
  let feed: Feed<{ message: number }> | undefined
  const { app, port } = await serve(t, (app) => {
    const chat = feed = app.feed<Record<string, never>>('chat') as unknown as Feed<{ message: number }>
    app.get('/', (_request, reply) => reply.type('text/html').send(PAGE))
    app.get('/away', (_request, reply) => reply.type('text/html').send('<!doctype html><title>away</title>'))
    app.get('/client.js', (_request, reply) => reply.type('text/javascript').send(client))
    app.get('/chat', (_request, reply) => reply.sse(chat.subscribe({ from: 'earliest' })))
  }, { retryMs: 5, heartbeatIntervalMs: 200 })
  if (feed === undefined) throw new Error('there is no feed')
  return { feed, app, origin: `http://127.0.0.1:${port}` }
}

async function open (page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.waitForFunction('window.isReady === true')
}

async function follow (page: Page, url: string, options: object = {}): Promise<void> {
  await page.evaluate(`follow(${JSON.stringify(url)}, ${JSON.stringify({ firstDelayMs: 5, longestDelayMs: 50, ...options })})`)
}

/** Waits for the numbers up to one, and says which there are. */
async function seenUpTo (page: Page, last: number): Promise<unknown> {
  await page.waitForFunction(`seen.includes(${last})`)
  return await page.evaluate('seen')
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)

t.test('hostile servers in Chromium', { skip }, async (t) => {
  const browser = await openBrowser(t)
  const { page } = await openWindow(browser)
  const { origin } = await servePage(t)
  await open(page, origin)
  const allowed = { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'retry-after' }
  const cors = (answer: Answer): Answer => (response, request) => {
    for (const [name, value] of Object.entries(allowed)) response.setHeader(name, value)
    answer(response, request)
  }
  /** Says bytes one by one. */
  const drips = (bytes: Uint8Array): Answer => async (response: ServerResponse) => {
    head(response)
    for (const byte of bytes) {
      response.write(Uint8Array.of(byte))
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    response.end()
  }

  /** Goes on where the client is, and cuts in the middle of a line. A browser may drop what it has not read by then. */
  const goesOn: Answer = (response, request) => {
    const last = Number(new URL(request.url ?? '', origin).searchParams.get('lastEventId'))
    cuts(`${numbered(last + 1)}${numbered(last + 2)}data: ${last + 3}\nid: ${last + 3}`)(response, request)
  }

  const finishes: Answer = (response, request) => {
    const last = Number(new URL(request.url ?? '', origin).searchParams.get('lastEventId'))
    ends(`${numbered(last + 1)}${numbered(last + 2)}${DONE}`)(response, request)
  }

  await t.test('cuts in mid-line, 503s and 429s: each event once, in order, without one CORS preflight', async (t) => {
    const server = await scripted(t, ...Array.from({ length: 30 }, (_, index) => cors([goesOn, goesOn, status(503, { 'retry-after': '0' }), status(429)][index % 4] ?? goesOn)), cors(finishes))
    await follow(page, server.url, { lastEventIdIn: 'query' })
    await page.waitForFunction('feed.isClosed')
    const seen = await page.evaluate('seen') as number[]
    t.strictSame(seen, upTo(Math.max(seen.length, 2)))
    t.strictSame([...new Set(await page.evaluate('states') as string[])], ['open', 'retrying NETWORK', 'retrying UNAVAILABLE', 'closed'])
    t.equal(server.requests.length, 31)
    t.ok(server.requests.every(({ method }) => method === 'GET'))
  })

  await t.test('UTF-8, CR and a BOM in single bytes', async (t) => {
    const server = await scripted(t, cors(drips(new TextEncoder().encode(`\ufeffdata: "é😀"\rid: 3\r\rdata: 4\r\nid: 4\r\n\r\n${DONE}`))))
    await follow(page, server.url)
    t.strictSame(await seenUpTo(page, 4), ['é😀', 4])
    await page.waitForFunction('feed.isClosed')
  })

  await t.test('401, text/html and a line without an end close the feed with typed errors', async (t) => {
    const piece = Buffer.alloc(256 * 2 ** 10, 'x')
    const endless: Answer = async (response) => {
      head(response).write('data: ')
      while (!response.destroyed) if (!response.write(piece)) await new Promise((resolve) => { response.once('drain', resolve) })
    }
    for (const [answer, expected] of [
      [status(401), 'closed REFUSED'], [ends('<p>', { 'content-type': 'text/html' }), 'closed NOT_A_STREAM'], [endless, 'closed LINE_TOO_LONG'], [status(204), 'closed']
    ] as const) {
      const server = await scripted(t, cors(answer))
      await follow(page, server.url)
      await page.waitForFunction('feed.isClosed')
      t.equal(await page.evaluate('states.at(-1)'), expected)
      t.equal(server.requests.length, 1)
    }
  })

  await t.test('a stall is noticed, and a redirect is followed', async (t) => {
    const server = await scripted(t, cors(says(numbered(1))), cors((response) => { response.writeHead(302, { location: '/moved' }).end() }), cors(ends(`${numbered(2)}${DONE}`)))
    await follow(page, server.url, { silenceMs: 300, lastEventIdIn: 'query' })
    t.strictSame(await seenUpTo(page, 2), [1, 2])
    t.strictSame(server.requests.map(({ url }) => url), ['/', '/?lastEventId=1', '/moved'])
  })
})

t.test('a page without a network waits, and comes back at once when there is one, though its next attempt is far', { skip }, async (t) => {
  const browser = await openBrowser(t)
  const { page } = await openWindow(browser)
  const { origin, feed, app } = await servePage(t)
  await open(page, origin)
  await follow(page, '/chat', { longestDelayMs: 60_000 })
  await feed.publish({ data: 1 })
  await seenUpTo(page, 1)
  await page.context().setOffline(true)
  app.server.closeAllConnections()
  await page.waitForFunction("states.includes('retrying NETWORK')")
  await feed.publish({ data: 2 })
  await page.context().setOffline(false)
  t.strictSame(await seenUpTo(page, 2), [1, 2])
})

t.test('a page in the back/forward cache holds no connection, and resumes when it comes back', { skip }, async (t) => {
  // Playwright switches the cache off
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', ignoreDefaultArgs: ['--disable-back-forward-cache'], args: ['--headless', '--no-sandbox', '--disable-gpu'] })
  t.teardown(() => browser.close())
  const { page } = await openWindow(browser)
  const { origin, feed, app } = await servePage(t)
  await open(page, origin)
  await follow(page, '/chat')
  await feed.publish({ data: 1 })
  await seenUpTo(page, 1)
  await page.goto(`${origin}/away`)
  await eventually(() => app.eventfeed.stats().connections === 0, 'the page has let go of its connection')
  await feed.publish({ data: 2 })
  await page.goBack({ waitUntil: 'commit' })
  await page.waitForFunction('window.cameBack === true')
  await feed.publish({ data: 3 })
  t.strictSame(await seenUpTo(page, 3), upTo(3))
  t.ok(((await page.evaluate('states')) as string[]).includes('retrying SUSPENDED'))
})

t.test('a page that is frozen, and one that is hidden, lose nothing', { skip }, async (t) => {
  const browser = await openBrowser(t)
  const { page } = await openWindow(browser)
  const { origin, feed, app } = await servePage(t)
  await open(page, origin)
  // longer than the silence that the client allows
  await follow(page, '/chat', { silenceMs: 1_000 })
  await feed.publish({ data: 1 })
  await seenUpTo(page, 1)
  const pid = await rendererOf(browser)
  process.kill(pid, 'SIGSTOP')
  try {
    for (let number = 2; number <= 200; number++) await feed.publish({ data: number })
    await new Promise((resolve) => { setTimeout(resolve, 2_500) })
    app.server.closeAllConnections()
    for (let number = 201; number <= 300; number++) await feed.publish({ data: number })
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  t.strictSame(await seenUpTo(page, 300), upTo(300))

  const other = await page.context().newPage()
  await other.bringToFront()
  app.server.closeAllConnections()
  await feed.publish({ data: 301 })
  t.strictSame(await seenUpTo(page, 301), upTo(301))
})

/** The process of the only page. */
async function rendererOf (browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  const renderers = processInfo.filter(({ type }) => type === 'renderer').sort((a, b) => b.cpuTime - a.cpuTime)
  await session.detach()
  const [first] = renderers
  if (first === undefined) throw new Error('there is no renderer')
  return first.id
}
