/** The recipe of notifications, as its users see it. */
import { join } from 'node:path'
import type { Test } from 'tap'
import type * as Recipe from '../../example-app/recipes/notifications.ts'
import type * as Sqlite from '../../lib/sqlite/index.ts'
import { serve, Visitor, type Tab } from './visitor.ts'

/** How many notifications of one user, or of one group, are kept whatever the others do. */
const KEPT = 20
/** How many the feed keeps of all of them together. */
const KEPT_IN_ALL = 500

export async function notifications (
  t: Test, { buildApp }: typeof Recipe, { sqliteLogs }: typeof Sqlite
): Promise<void> {
  const OPTIONS = { retryMs: 10, drainTimeoutMs: 200 }
  /** Bob is in the group `ops`, ada is in none. */
  const groups = () => new Map([['bob', new Set(['ops'])]])
  const start = async (t: Test) => {
    const app = await buildApp(groups(), undefined, OPTIONS)
    const { origin, cut } = await serve(t, app)
    return { app, cut, origin, ada: await Visitor.login(t, origin, 'ada'), bob: await Visitor.login(t, origin, 'bob') }
  }
  const notify = async (from: Visitor, text: string, ...to: string[]): Promise<void> => {
    await from.ask('POST', '/notices', { text, to })
  }
  const open = async (visitor: Visitor): Promise<Tab> => {
    const tab = visitor.open('/notices')
    await tab.until('stream:bookmark')
    return tab
  }
  const said = (tab: Tab): string[] => {
    const notices = tab.all('notice') as Array<{ text: string }> // as its schema says
    return notices.map(({ text }) => text)
  }

  t.test('each sees once what concerns them, and nothing else', async (t) => {
    const { ada, bob } = await start(t)
    await notify(ada, 'earlier', 'user:bob', 'group:ops')
    const [adas, bobs] = [await open(ada), await open(bob)]
    await notify(ada, 'to bob', 'user:bob')
    await notify(bob, 'to ada', 'user:ada')
    await notify(ada, 'to ops', 'group:ops')
    await notify(ada, 'to sales', 'group:sales')
    await notify(ada, 'to all of them', 'user:ada', 'user:bob', 'group:ops', 'group:sales')
    await adas.until('notice', 2)
    await bobs.until('notice', 4)
    t.strictSame(said(adas), ['to ada', 'to all of them'])
    t.strictSame(said(bobs), ['earlier', 'to bob', 'to ops', 'to all of them'])
  })

  t.test('the last 20 hold beside a neighbour that is loud, and a line that is cut costs nothing', async (t) => {
    const { cut, ada, bob } = await start(t)
    for (let count = 1; count <= KEPT + 5; count++) await notify(bob, `${count}`, 'user:ada')
    const adas = await open(ada)
    await adas.until('notice', KEPT)
    await Promise.all(Array.from({ length: KEPT_IN_ALL }, async () => { await notify(ada, 'noise', 'user:loud') }))

    const late = await open(ada)
    await late.until('notice', KEPT)
    t.strictSame(said(late), Array.from({ length: KEPT }, (_, index) => `${index + 6}`))

    cut()
    await notify(bob, 'meanwhile', 'user:ada')
    for (const tab of [adas, late]) {
      await tab.until('notice', KEPT + 1)
      t.equal(said(tab).at(-1), 'meanwhile')
      t.strictSame(tab.all('stream:gap'), [])
    }
  })

  t.test('who joins a group while a page is open gets its last ones, and who leaves gets no more', async (t) => {
    const { ada, bob } = await start(t)
    for (let count = 1; count <= 6; count++) await notify(bob, `${count}`, 'group:ops')
    const tabs = [await open(ada), await open(ada)]
    await ada.ask('PUT', '/groups/ops/ada')
    await notify(bob, 'while she is in it', 'group:ops')
    for (const tab of tabs) {
      await tab.until('notice', 6)
      t.strictSame(said(tab), ['2', '3', '4', '5', '6', 'while she is in it'])
    }
    await ada.ask('DELETE', '/groups/ops/ada')
    await notify(bob, 'when she has left', 'group:ops')
    await notify(bob, 'to her', 'user:ada')
    for (const tab of tabs) {
      await tab.until('notice', 7)
      t.equal(said(tab).at(-1), 'to her')
    }
    const late = await open(ada)
    await late.until('notice')
    t.strictSame(said(late), ['to her'], 'not by a new page either')
  })

  t.test('a logout ends the streams of that login, and of no other', async (t) => {
    const { app, origin, ada, bob } = await start(t)
    const [here, hereToo, bobs] = [await open(ada), await open(ada), await open(bob)]
    const elsewhere = await open(await Visitor.login(t, origin, 'ada'))
    t.strictSame(await ada.ask('POST', '/logout'), { streams: 2 })
    await here.untilStopped()
    await hereToo.untilStopped()
    await notify(bob, 'later', 'user:ada', 'user:bob')
    await elsewhere.until('notice')
    await bobs.until('notice')
    t.strictSame([said(here), said(hereToo)], [[], []])
    t.equal(app.eventfeed.stats().connections, 2)
    t.equal(await ada.status('GET', '/notices'), 401)
    t.equal(await Visitor.nobody(t, origin).status('POST', '/notices'), 401)
  })

  const hasSqlite = process.getBuiltinModule?.('node:sqlite') !== undefined
  t.test('with a log, pages go on after a restart as if nothing had been', {
    skip: hasSqlite ? false : 'Node has SQLite from version 22.13 on'
  }, async (t) => {
    const file = join(t.testdir(), 'notices.db')
    const build = async () => await buildApp(groups(), sqliteLogs({ file })('notices'), OPTIONS)
    const first = await build()
    const { origin } = await serve(t, first)
    const bobs = await open(await Visitor.login(t, origin, 'bob'))
    const ada = await Visitor.login(t, origin, 'ada')
    await notify(ada, 'before', 'group:ops')
    await bobs.until('notice')
    await first.close()

    await serve(t, await build(), Number(new URL(origin).port))
    await notify(ada, 'after', 'user:bob', 'group:ops')
    await bobs.until('notice', 2)
    t.strictSame(said(bobs), ['before', 'after'])
    t.strictSame(bobs.all('stream:gap'), [])
    const late = (await Visitor.login(t, origin, 'bob')).open('/notices')
    await late.until('notice', 2)
    t.strictSame(said(late), ['before', 'after'])
  })
}
