/** The recipe in plain JavaScript, run as its users run it: by `node`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { freePort } from '../proxies/nginx-server.ts'
import { Tab } from './visitor.ts'

export async function commonjs (t: Test, folder: string): Promise<void> {
  /** Starts the program. Gives its address, and a function that kills it. */
  const start = async (t: Test, port: number) => {
    const program = spawn(process.execPath, [join(folder, 'commonjs.cjs')], {
      env: { PATH: process.env.PATH, PORT: String(port) }, stdio: ['ignore', 'pipe', 'inherit']
    })
    const ended = once(program, 'close')
    const kill = async (): Promise<void> => {
      program.kill('SIGKILL')
      await ended
    }
    t.teardown(kill)
    const [line] = await once(createInterface(program.stdout), 'line')
    return { origin: String(line).replace('listening at ', ''), kill }
  }
  const visit = async (origin: string): Promise<unknown> => {
    const response = await fetch(`${origin}/visits`, { method: 'POST' })
    return await response.json()
  }

  t.test('two pages see the count, and the count of a server that has started again', async (t) => {
    const port = await freePort()
    const { origin, kill } = await start(t, port)
    const tabs = [new Tab(t, `${origin}/visits`), new Tab(t, `${origin}/visits`)]
    for (const tab of tabs) t.strictSame(await tab.until('visits'), [{ count: 0 }])
    t.strictSame(await visit(origin), { count: 1 })
    for (const tab of tabs) t.strictSame(await tab.until('visits', 2), [{ count: 0 }, { count: 1 }])
    t.strictSame(await new Tab(t, `${origin}/visits`).until('visits'), [{ count: 1 }], 'who comes later, too')

    await kill()
    await start(t, port)
    for (const tab of tabs) t.strictSame((await tab.until('visits', 3)).at(-1), { count: 0 })
  })

  t.test('its page shows the count', { skip: skipWithoutBrowser }, async (t) => {
    const { origin } = await start(t, await freePort())
    const { page, complaints } = await openWindow(await openBrowser(t))
    await page.goto(origin)
    await page.getByText('Visits: 0').waitFor()
    await visit(origin)
    await page.getByText('Visits: 1').waitFor()
    t.strictSame(complaints.filter((complaint) => !complaint.includes('404')), [], 'but for an icon')
  })
}
