/** Firefox, driven through WebDriver BiDi. Its pages are those of the other browsers. */
import { launch } from 'puppeteer-core'

const streams = new Map()
let window

async function openWindow () {
  const browser = await launch({ browser: 'firefox', executablePath: process.env.FIREFOX, headless: true })
  const page = await browser.newPage()
  // Firefox says as an error of the page that a line was cut, or an EventSource stopped
  page.on('pageerror', ({ message }) => { if (!/^(Firefox can’t establish|The connection to) /.test(message)) process.send({ stray: message }) })
  await page.exposeFunction('tell', (stream, told) => { streams.get(stream)?.[told.kind](told) })
  return page
}

export const drivers = {
  async Firefox ({ origin, path, method, signal, opened, item, ended, failed, closed }) {
    window ??= openWindow()
    const page = await window
    const stream = streams.size + 1
    streams.set(stream, { opened, item, ended, closed, failed: ({ message }) => failed(message) })
    const name = `stream ${stream}`
    signal.addEventListener('abort', () => page.evaluate((name) => document.querySelector(`iframe[name="${name}"]`).remove(), name))
    const address = `${origin}/pages/page.html?${new URLSearchParams({ client: 'eventsource', path, method, stream })}`
    await page.evaluate((name, src) => { document.body.append(Object.assign(document.createElement('iframe'), { name, src })) }, name, address)
    await new Promise(() => {})
  }
}

export async function close () {
  await (await window)?.browser().close()
}
