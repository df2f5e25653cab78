/** Tasks of the example app: what its routes answer, and what the page shows in Chromium. */
import t from 'tap'
import { eventually } from '../story/raw-client.ts'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen, openApp, read } from './app.ts'

const start = async (app: Awaited<ReturnType<typeof openApp>>, name = 'Bake a cake'): Promise<string> =>
  (await app.inject({ method: 'POST', url: '/tasks', body: { name } })).json<{ id: string }>().id

t.test('a task is started, reports how far it is, and ends; the server forgets it after a while', async (t) => {
  const { app, origin } = await listen(t, { tasks: { stepMs: 1, keepMs: 100 } })
  const response = await app.inject({ method: 'POST', url: '/tasks', body: { name: 'Bake a cake' } })
  t.equal(response.statusCode, 202)
  const { id } = response.json<{ id: string }>()
  t.equal(response.headers.location, `/tasks/${id}/events`)
  const [first, second] = await Promise.all([1, 2].map(() => read(t, `${origin}/tasks/${id}/events`)))
  const events = await first?.take(101)
  t.strictSame(events?.map(({ data }) => (JSON.parse(data) as { percent: number }).percent), Array.from({ length: 101 }, (_, percent) => percent))
  t.strictSame(JSON.parse(events?.at(-1)?.data ?? ''), { name: 'Bake a cake', status: 'completed', percent: 100 })
  t.match(await first?.next(), { event: 'stream:done', data: '{}' })
  t.equal((await second?.take(101))?.length, 101, 'every watcher sees it whole')
  await eventually(async () => (await app.inject(`/tasks/${id}/events`)).statusCode === 404, 'it is forgotten')
})

t.test('ids are unique, and an unknown task is answered by 404', async (t) => {
  const app = await openApp(t, { tasks: { stepMs: 1_000 } })
  const ids = await Promise.all(Array.from({ length: 20 }, () => start(app)))
  t.equal(new Set(ids).size, 20)
  for (const [method, url] of [['GET', '/tasks/unknown/events'], ['DELETE', '/tasks/unknown']] as const) {
    t.match((await app.inject({ method, url })).json(), { statusCode: 404, code: 'FST_EVENTFEED_UNKNOWN_RUN' })
  }
  t.equal((await app.inject({ method: 'POST', url: '/tasks', body: { name: '' } })).statusCode, 400)
})

t.test('a task that is stopped tells all who watch', async (t) => {
  const { app, origin } = await listen(t, { tasks: { stepMs: 1_000 } })
  const id = await start(app)
  const watcher = await read(t, `${origin}/tasks/${id}/events`)
  await watcher.take(1)
  t.match((await app.inject({ method: 'DELETE', url: `/tasks/${id}` })).json(), { id, state: 'stopped' })
  t.match(await watcher.next(), { event: 'stream:done', data: '{"reason":"stopped on the page"}' })
})

t.test('the page shows several tasks at once, over a reload and in a second window, and stops one', { skip: skipWithoutBrowser }, async (t) => {
  const { app, origin } = await listen(t, { tasks: { stepMs: 60 } })
  const browser = await openBrowser(t)
  const { page, complaints } = await openWindow(browser)
  await page.goto(`${origin}/tasks/`)
  t.match(await page.locator('#none').textContent(), /No task yet/)
  for (const name of ['Bake a cake', '<b>Wash up</b>']) {
    await page.locator('#name').fill(name)
    await page.getByRole('button', { name: 'Start' }).click()
    await page.locator('.tasks .name', { hasText: name }).waitFor()
  }
  const cake = page.locator('.tasks li', { hasText: 'Bake a cake' })
  const wash = page.locator('.tasks li', { hasText: 'Wash up' })
  t.equal(await wash.locator('.name').textContent(), '<b>Wash up</b>', 'text is text')
  for (const row of [cake, wash]) await row.locator('.status', { hasText: /^(\d\d|[4-9]) %$/ }).waitFor()
  await page.screenshot({ path: process.env['SCREENSHOT'] ?? `${t.testdir()}/tasks.png`, fullPage: true })

  const other = await openWindow(browser)
  await other.page.goto(page.url())
  await other.page.locator('.tasks li').nth(1).waitFor()
  await page.reload()
  await wash.getByRole('button', { name: 'Stop' }).click()
  for (const { locator } of [page, other.page].map((window) => ({ locator: window.locator('.tasks li', { hasText: 'Wash up' }) }))) {
    await locator.locator('.status', { hasText: 'stopped on the page' }).waitFor()
    t.equal(await locator.getAttribute('data-state'), 'stopped')
  }
  await cake.locator('.status', { hasText: 'completed' }).waitFor()
  t.equal(await cake.locator('progress').evaluate((bar) => (bar as unknown as { value: number }).value) /* the tests have no types of the DOM */, 100)
  await eventually(() => app.eventfeed.stats().connections === 0, 'the pages have stopped listening for good')

  await other.page.goto(`${origin}/tasks/#unknown`)
  await other.page.reload()
  await other.page.locator('.status', { hasText: 'not known to the server' }).waitFor()
  t.same(complaints, [])
})
