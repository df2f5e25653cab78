/** Clients in pages of Chromium. One window for all of a test file: a page is a frame in it, because windows open slowly. */
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { openBrowser, skipWithoutBrowser } from '../browser.ts'
import { needClients, skipWithoutClients } from './installed.ts'
import type { Client, OpenClient, Session, Task, Told } from './session.ts'

const WINDOW = `<!doctype html><script>
  function openFrame (name, src) {
    const frame = Object.assign(document.createElement('iframe'), { name, src })
    document.body.append(frame)
    return new Promise((resolve) => { frame.onload = resolve })
  }
  const closeFrame = (name) => { document.getElementsByName(name)[0]?.remove() }
</script><body>`

export class Chromium {
  readonly #test: Test
  readonly #sessions = new Map<number, Session>()
  #window: Promise<Page> | undefined
  #next = 1
  /** What pages have thrown. */
  readonly strays: string[] = []

  /** The browser closes when the test ends. */
  constructor (test: Test) { this.#test = test }

  /** A client whose driver is `clients/pages/<page>.js`. */
  client (name: string, page: string): Client {
    return { name, skip: skipWithoutBrowser || skipWithoutClients, open: (task, session) => this.#open(page, task, session) }
  }

  async #open (client: string, { origin, path, method }: Task, session: Session): Promise<OpenClient> {
    needClients()
    this.#window ??= this.#openWindow()
    const window = await this.#window
    const stream = this.#next++
    this.#sessions.set(stream, session)
    const name = `stream ${stream}`
    const address = `${origin}/pages/page.html?${new URLSearchParams({ client, path, method, stream: String(stream) })}`
    await window.evaluate(`openFrame(${JSON.stringify(name)}, ${JSON.stringify(address)})`)
    return {
      close: async () => {
        this.#sessions.delete(stream)
        await window.evaluate(`closeFrame(${JSON.stringify(name)})`)
      },
      // what comes later over another line comes after what was there
      hasRead: async () => {
        for (let trips = 0; trips < 3; trips++) await window.frame({ name })?.evaluate('fetch("/pages/page.html").then((page) => page.text())')
      }
    }
  }

  async #openWindow (): Promise<Page> {
    const window = await (await openBrowser(this.#test)).newPage()
    window.on('pageerror', ({ message }) => { this.strays.push(message) })
    await window.exposeFunction('tell', (stream: number, told: Told) => { this.#sessions.get(stream)?.tell(told) })
    await window.setContent(WINDOW)
    return window
  }
}
