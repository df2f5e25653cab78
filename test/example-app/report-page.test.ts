/** The report page: htmx appends the fragments of a stream, and closes it at its end. */
import t from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen, read } from './app.ts'

const PAGES = { 'htmx 2': { path: '/report/', closed: 'htmx:sseClose' }, 'htmx 4': { path: '/report/htmx-4.html', closed: 'htmx:sse:close' } }

for (const [name, { path, closed }] of Object.entries(PAGES)) {
  t.test(`${name} appends each fragment once, and closes the stream at its end`, { skip: skipWithoutBrowser }, async (t) => {
    const { app, origin } = await listen(t, { eventfeed: { retryMs: 10 } })
    const { page, complaints } = await openWindow(await openBrowser(t))
    const asked: string[] = []
    page.on('request', (request) => { if (request.url().endsWith('/report/events')) asked.push(request.url()) })
    await page.addInitScript(`addEventListener('${closed}', () => { document.documentElement.dataset.closed = 'yes' }, true)`)
    await page.goto(origin + path)
    await page.locator('html[data-closed="yes"]').waitFor({ state: 'attached' })
    t.same(await page.locator('#lines li').allTextContents(), [
      'Lines opened: 1,204', 'Lines cut: 37', 'Lines that came back: 37', 'Events sent: 88,410', 'Events missed: 0'
    ])
    t.equal(asked.length, 1, 'it does not come back')
    t.equal(app.eventfeed.stats().connections, 0)
    await page.setViewportSize({ width: 390, height: 700 })
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing sticks out sideways')
    t.same(complaints, [])
  })
}

t.test('a report goes on behind the last fragment that its reader has', async (t) => {
  const { origin } = await listen(t)
  const stream = await read(t, `${origin}/report/events`, { 'last-event-id': '4' })
  t.match(await stream.next(), { id: '5', data: '<li>Events missed: 0</li>' })
  t.match(await stream.next(), { event: 'stream:done' })
})
