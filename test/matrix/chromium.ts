/** Clients in pages of Chromium. One browser for all of a test file; each stream has a window of its own. */
import type { Browser } from 'playwright-core'
import type { Test } from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { needClients, skipWithoutClients } from './installed.ts'
import type { Client, Told } from './session.ts'

export class Chromium {
  readonly #test: Test
  #browser: Promise<Browser> | undefined
  /** What pages have complained of. */
  readonly complaints: string[] = []

  /** The browser closes when the test ends. */
  constructor (test: Test) { this.#test = test }

  /** A client whose driver is `clients/pages/<page>.js`. */
  client (name: string, page: string): Client {
    return {
      name,
      skip: skipWithoutBrowser || skipWithoutClients,
      open: async ({ origin, path, method }, session) => {
        needClients()
        this.#browser ??= openBrowser(this.#test)
        const { page: window, complaints } = await openWindow(await this.#browser)
        await window.exposeFunction('tell', (told: Told) => session.tell(told))
        await window.goto(`${origin}/pages/page.html?${new URLSearchParams({ client: page, path, method })}`)
        return async () => {
          await window.context().close()
          this.complaints.push(...complaints.map((complaint) => `${name}: ${complaint}`))
        }
      }
    }
  }
}
