import type { Page } from 'playwright-core'
import t from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen } from './app.ts'

const MESSAGES = 200
const CUTS = 10

t.test('200 messages arrive once and in order in two windows whose lines are cut ten times', { skip: skipWithoutBrowser }, async (t) => {
  const { app, origin } = await listen(t)
  await app.inject({ method: 'PUT', url: '/chat/friends/bob', body: { friends: ['ada'] } })
  const browser = await openBrowser(t)
  const lines = new Lines(app)

  // Both windows lose their first line before its first event, and others at random, of which some again before the first event.
  const [everything, filtered] = await Promise.all([openWindow(browser), openWindow(browser)])
  lines.cutNext('ada')
  lines.cutNext('bob')
  await everything.page.goto(`${origin}/chat/?user=ada&format=detailed`)
  await filtered.page.goto(`${origin}/chat/?user=bob&friends=true&format=simple`)

  const cutsAt = new Map<number, string>()
  while (cutsAt.size < CUTS - 2) cutsAt.set(1 + Math.floor(Math.random() * MESSAGES), Math.random() < 0.5 ? 'ada' : 'bob')
  t.comment(`cuts after messages ${[...cutsAt].map(([count, user]) => `${count} (${user})`).join(', ')}`)

  const ids: string[] = []
  for (let count = 1; count <= MESSAGES; count++) {
    const response = await app.inject({ method: 'POST', url: '/chat/messages', body: { from: count % 2 === 0 ? 'cleo' : 'ada', text: `message ${count}` } })
    ids.push(response.json().id)
    const user = cutsAt.get(count)
    if (user === undefined) continue
    // Every other cut hits the line that the browser opens next, before its first event; the others the one that is open.
    if (count % 2 === 0) lines.cutNext(user)
    await lines.cutOpen(user)
  }

  const texts = (page: Page) => page.locator('#messages li[data-from] .text').allTextContents()
  const all = Array.from({ length: MESSAGES }, (_, index) => `message ${index + 1}`)
  for (const [page, expected] of [[everything.page, all], [filtered.page, all.filter((_, index) => index % 2 === 0)]] as const) {
    await page.locator('#messages .text', { hasText: expected.at(-1) ?? '' }).last().waitFor()
    t.same(await texts(page), expected)
    t.equal(await page.locator('[data-mark="gap"]').count(), 0, 'nothing was said to be missing')
  }
  t.same(await everything.page.locator('#messages li[data-from]').evaluateAll((items) => items.map((item) => item.dataset.id)), ids)
  t.ok(lines.cuts >= CUTS, `${lines.cuts} lines were cut`)
  t.same([...everything.complaints, ...filtered.complaints], [])
})

type App = Awaited<ReturnType<typeof listen>>['app']

/** The lines that the windows open, by user, and the cutting of them. */
class Lines {
  cuts = 0
  readonly #app: App
  readonly #open = new Map<string, string>()
  readonly #next = new Map<string, number>()
  #waiting: Array<() => void> = []

  constructor (app: App) {
    this.#app = app
    // Before the app's own listener: a line that is cut early has carried nothing, not even a head.
    app.server.prependListener('request', (request) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
      if (pathname !== '/chat-updates') return
      const user = searchParams.get('user') ?? ''
      const stream = searchParams.get('stream') ?? ''
      const early = this.#next.get(user) ?? 0
      if (early > 0) {
        this.#next.set(user, early - 1)
        this.cuts += 1
        request.socket.destroy()
        return
      }
      this.#open.set(user, stream)
      for (const go of this.#waiting.splice(0)) go()
    })
  }

  /** The next line that this user's window opens is cut before its first event. */
  cutNext (user: string): void {
    this.#next.set(user, (this.#next.get(user) ?? 0) + 1)
  }

  /** Cuts the line that this user's window has open, or opens next. */
  async cutOpen (user: string): Promise<void> {
    while (!this.#open.has(user)) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    const stream = this.#open.get(user) ?? ''
    this.#open.delete(user)
    await this.#cut(stream)
  }

  /** The request may be on its way to the route still: until it is there, there is nothing to cut. */
  async #cut (stream: string): Promise<void> {
    let status
    do {
      const response = await this.#app.inject({ method: 'POST', url: '/cut', query: { stream } })
      status = response.statusCode
    } while (status !== 204)
    this.cuts += 1
  }
}
