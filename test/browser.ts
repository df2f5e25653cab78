/**
 * A real browser for tests: Chromium, driven by playwright-core. Where it is missing, tests are skipped and say which package
 * to install; with `CI` set they fail instead, because there a skipped test would go unnoticed.
 */
import { existsSync } from 'node:fs'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { Test } from 'tap'

const CHROMIUM = '/usr/bin/chromium'
const MISSING = `${CHROMIUM} is missing: install the Debian package "chromium"`

/** For the option `skip` of a test that needs a browser. */
export const skipWithoutBrowser: string | false = existsSync(CHROMIUM) || process.env.CI ? false : MISSING

/** A browser of this test's own; it closes when the test ends. */
export async function openBrowser (t: Test): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(MISSING)
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'
    ]
  })
  t.teardown(() => browser.close())
  return browser
}

/** A window of its own, and the complaints that its console has made: none of them is normal, but for lines that were cut. */
export async function openWindow (browser: Browser): Promise<{ page: Page, complaints: string[] }> {
  const page = await (await browser.newContext()).newPage()
  page.setDefaultTimeout(20_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    const text = message.text()
    if (message.type() === 'error' && !text.includes('net::ERR_')) complaints.push(text)
  })
  return { page, complaints }
}
