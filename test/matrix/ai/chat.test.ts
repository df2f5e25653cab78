/**
 * `useChat` of the AI SDK in a real browser, on runs, and the same page on `resumable-stream`: what each of them does
 * when a page is loaded again, when a second tab looks on, when somebody stops the answer, and when the server is
 * replaced in the middle of it.
 */
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { openBrowser, skipWithoutBrowser } from '../../browser.ts'
import { folderFor, skip as skipWithoutSqlite } from '../../sqlite/database.ts'
import type { Transport } from '../../guides/ai-guide.ts'
import { bundlePage, startControl, startRuns, type ChatServer, type RunsServer, type Start } from './chat-servers.ts'
import { redisServer, skipWithoutAiClients } from './installed.ts'
import { startRedis } from './redis.ts'

t.setTimeout(300_000)

const skip = skipWithoutAiClients || skipWithoutBrowser
const folder = t.testdir()
const scriptFor = async (transport: Transport) => skip === false ? await bundlePage(folder, transport) : ''
const script = await scriptFor('DefaultChatTransport')
const browser = skip === false ? await openBrowser(t) : undefined

let chats = 0
/** What scripts of pages have thrown. */
const complaints: string[] = []

/** A user's browser, and a chat that nobody else has. */
async function openUser (t: Test): Promise<{ open (server: ChatServer): Promise<Page> }> {
  if (browser === undefined) throw new Error('no test without a browser')
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const chat = `chat-${++chats}`
  return {
    async open (server) {
      await context.addCookies([{ name: 'user', value: 'ada', url: server.origin }])
      const page = await context.newPage()
      page.setDefaultTimeout(20_000)
      page.on('pageerror', (error) => complaints.push(error.message))
      await page.goto(`${server.origin}/?chat=${chat}`)
      return page
    }
  }
}

/** Loads the page again. Gives the status with which the server answers when it asks for what it has missed. */
async function loadAgain (page: Page): Promise<number> {
  const asked = page.waitForResponse((response) => response.url().endsWith('/stream'))
  const [response] = await Promise.all([asked, page.reload()])
  return response.status()
}

const ask = (page: Page) => page.click('#ask')
const stop = (page: Page) => page.click('#stop')

/** Waits until the page shows this answer, all answers of a chat with `|` between them, and this status of the hook. */
async function shows (page: Page, answers: string, status: string): Promise<void> {
  try {
    await page.locator(`main[data-answers=${JSON.stringify(answers)}][data-status="${status}"]`).waitFor()
  } catch (cause) {
    const shown = await page.locator('main').evaluate((main) => main.outerHTML)
    throw new Error(`awaited ${JSON.stringify([answers, status])}, but there is ${shown}`, { cause })
  }
}

/** The server of the guide for the other transport, with its page. */
async function startWorkflow (t: Test): Promise<RunsServer> {
  const transport = 'WorkflowChatTransport'
  return await startRuns(t, { port: 0, script: await scriptFor(transport), transport })
}

/** Both servers. Each start of one is a new process, or a new application, of the same deployment. */
const kinds = [
  {
    name: 'runs',
    skip,
    kept: 'one.',
    deploy: async (t: Test) => (start: Start) => startRuns(t, start)
  },
  {
    name: 'resumable-stream',
    kept: '',
    skip: skip || redisServer.skip,
    deploy: async (t: Test) => {
      const redis = await startRedis(t)
      return (start: Start) => startControl(t, redis, start)
    }
  }
]

for (const { name, skip, kept, deploy } of kinds) {
  t.test(`useChat on ${name}: a page that is loaded again in the middle goes on, and has the whole answer once`, { skip }, async (t) => {
    const server = await (await deploy(t))({ port: 0, script })
    const page = await (await openUser(t)).open(server)
    await ask(page)
    server.say('one, ')
    await shows(page, 'one, ', 'streaming')
    server.say('two, ')
    await page.reload()
    await shows(page, 'one, two, ', 'streaming')
    server.say('three.')
    server.finish()
    await shows(page, 'one, two, three.', 'ready')
  })

  t.test(`useChat on ${name}: a second tab has the answer from its beginning, and both have its end`, { skip }, async (t) => {
    const server = await (await deploy(t))({ port: 0, script })
    const user = await openUser(t)
    const first = await user.open(server)
    await ask(first)
    server.say('one, ')
    await shows(first, 'one, ', 'streaming')
    const second = await user.open(server)
    await shows(second, 'one, ', 'streaming')
    server.say('two.')
    server.finish()
    for (const page of [first, second]) await shows(page, 'one, two.', 'ready')
  })

  t.test(`useChat on ${name}: an answer that is complete is ${kept === '' ? 'gone' : 'there'} when the page is loaded again`, { skip }, async (t) => {
    const server = await (await deploy(t))({ port: 0, script })
    const page = await (await openUser(t)).open(server)
    await ask(page)
    server.say('one.')
    server.finish()
    await shows(page, 'one.', 'ready')
    t.equal(await loadAgain(page), kept === '' ? 204 : 200)
    await shows(page, kept, 'ready')
  })

  for (const who of ['first', 'second'] as const) {
    t.test(`useChat on ${name}: the ${who} tab stops the answer for both, without an error, and the model stops`, { skip }, async (t) => {
      const server = await (await deploy(t))({ port: 0, script })
      const user = await openUser(t)
      const first = await user.open(server)
      await ask(first)
      server.say('one, ')
      await shows(first, 'one, ', 'streaming')
      const second = await user.open(server)
      await shows(second, 'one, ', 'streaming')
      await stop({ first, second }[who])
      for (const page of [first, second]) await shows(page, 'one, ', 'ready')
      await server.aborted()
    })
  }
}

t.test('useChat on resumable-stream: a server that is replaced in the middle is a failure, and the answer is lost', { skip: skip || redisServer.skip }, async (t) => {
  const start = startControl.bind(undefined, t, await startRedis(t))
  const server = await start({ port: 0, script })
  const page = await (await openUser(t)).open(server)
  await ask(page)
  server.say('one, ')
  await shows(page, 'one, ', 'streaming')
  await server.end()
  await shows(page, 'one, ', 'error')
  await start({ port: Number(new URL(server.origin).port), script })
  await page.reload()
  await shows(page, '', 'error')
})

t.test('useChat on runs in memory: a server that is replaced in the middle is a failure, and the answer is lost', { skip }, async (t) => {
  const server = await startRuns(t, { port: 0, script })
  const user = await openUser(t)
  const first = await user.open(server)
  await ask(first)
  server.say('one, ')
  await shows(first, 'one, ', 'streaming')
  const second = await user.open(server)
  await shows(second, 'one, ', 'streaming')
  await server.end()
  for (const page of [first, second]) await shows(page, 'one, ', 'error')
  await startRuns(t, { port: Number(new URL(server.origin).port), script })
  t.equal(await loadAgain(first), 204)
  await shows(first, '', 'ready')
})

t.test('useChat on runs in SQLite: a server that is replaced in the middle is a failure, and what was said is kept', { skip: skip || skipWithoutSqlite }, async (t) => {
  const file = join(folderFor(t), 'answers.db')
  const start = (port: number) => startRuns(t, { port, script, file })
  const server = await start(0)
  const user = await openUser(t)
  const first = await user.open(server)
  await ask(first)
  server.say('one, ')
  await shows(first, 'one, ', 'streaming')
  const second = await user.open(server)
  await shows(second, 'one, ', 'streaming')
  await server.end()
  for (const page of [first, second]) await shows(page, 'one, ', 'error')
  const next = await start(Number(new URL(server.origin).port))
  for (const page of [first, second]) {
    await page.reload()
    await shows(page, 'one, ', 'error')
  }
  await ask(first)
  next.say('one, two.')
  next.finish()
  await shows(first, 'one, |one, two.', 'ready')
})

t.test('useChat on runs in SQLite: an answer that was complete outlives its server', { skip: skip || skipWithoutSqlite }, async (t) => {
  const file = join(folderFor(t), 'answers.db')
  const start = (port: number) => startRuns(t, { port, script, file })
  const server = await start(0)
  const page = await (await openUser(t)).open(server)
  await ask(page)
  server.say('one.')
  server.finish()
  await shows(page, 'one.', 'ready')
  await server.end()
  await start(Number(new URL(server.origin).port))
  await page.reload()
  await shows(page, 'one.', 'ready')
})

t.test('useChat with WorkflowChatTransport on runs: a line that is lost is no failure, and a page that is loaded again goes on', { skip }, async (t) => {
  const server = await startWorkflow(t)
  const page = await (await openUser(t)).open(server)
  await ask(page)
  server.say('one, ')
  await shows(page, 'one, ', 'streaming')
  server.cut()
  server.say('two, ')
  await shows(page, 'one, two, ', 'streaming')
  await page.reload()
  await shows(page, 'one, two, ', 'streaming')
  server.cut()
  server.say('three.')
  server.finish()
  await shows(page, 'one, two, three.', 'ready')
})

t.test('useChat with WorkflowChatTransport on runs: a second tab stops the answer for both, and nobody comes back', { skip }, async (t) => {
  const server = await startWorkflow(t)
  const user = await openUser(t)
  const first = await user.open(server)
  await ask(first)
  server.say('one, ')
  await shows(first, 'one, ', 'streaming')
  const second = await user.open(server)
  await shows(second, 'one, ', 'streaming')
  await stop(second)
  for (const page of [first, second]) await shows(page, 'one, ', 'ready')
  await server.aborted()
})

t.test('no script of a page has thrown', { skip }, async (t) => {
  t.strictSame(complaints, [])
})
