/** The recipe of progress bars, as its users see it. */
import type { EventfeedOptions } from 'fastify-eventfeed'
import type { Test } from 'tap'
import type * as Recipe from '../../example-app/recipes/progress.ts'
import { ManualClock } from '../clock.ts'
import { serve, Visitor, type Tab } from './visitor.ts'

const TASKS = Array.from({ length: 20 }, (_, number) => `task-${number}`)
const STEPS = 10
/** How long a page waits for the next tick at most: a quarter of a second, and a tenth more. */
const TICK_MS = 275

interface Bar { readonly task: string, readonly percent: number }

export async function progress (t: Test, { buildApp }: typeof Recipe): Promise<void> {
  const start = async (t: Test, options: EventfeedOptions = {}) => {
    const app = await buildApp({ retryMs: 10, drainTimeoutMs: 200, ...options })
    const { origin, cut } = await serve(t, app)
    const visitor = Visitor.nobody(t, origin)
    const move = async (task: string, percent: number): Promise<void> => {
      await visitor.ask('PUT', `/tasks/${task}`, { percent })
    }
    const finish = async (task: string): Promise<void> => {
      await visitor.ask('PUT', `/tasks/${task}/result`, { result: 'well' })
    }
    return { cut, visitor, move, finish }
  }
  const bars = (tab: Tab): Bar[] => tab.all('moved') as Bar[] // as its schema says

  t.test('a page gets the newest of each task, and then at each tick the newest of those that moved', async (t) => {
    const clock = new ManualClock()
    const { visitor, move } = await start(t, { clock })
    const moveAll = async (percent: number): Promise<void> => { for (const task of TASKS) await move(task, percent) }
    await moveAll(1)
    await moveAll(2)
    const tab = visitor.open('/tasks')
    await tab.until('moved', TASKS.length)
    t.strictSame(bars(tab), TASKS.map((task) => ({ task, percent: 2 })))

    await move('task-0', 3)
    await tab.until('moved', TASKS.length + 1)
    t.strictSame(bars(tab).at(-1), { task: 'task-0', percent: 3 }, 'the first to move, at once')
    for (let step = 1; step <= STEPS; step++) await moveAll(3 + step)
    await move('task-0', 99)
    t.equal(bars(tab).length, TASKS.length + 1, 'nothing before the next tick')
    clock.advance(TICK_MS)
    await tab.until('moved', 2 * TASKS.length + 1)
    const moved = TASKS.slice(1).map((task) => ({ task, percent: 3 + STEPS }))
    t.strictSame(bars(tab).slice(TASKS.length + 1), [...moved, { task: 'task-0', percent: 99 }])
    t.strictSame(tab.all('stream:gap'), [], 'what was skipped is none')
  })

  t.test('the stream of one task has no other in it, and ends with it; who comes later gets the end', async (t) => {
    const { visitor, move, finish } = await start(t)
    await move('other', 1)
    await move('mine', 1)
    const [tab, all] = [visitor.open('/tasks/mine'), visitor.open('/tasks')]
    await tab.until('moved')
    await move('mine', 99)
    await finish('other')
    await finish('mine')
    await tab.until('stream:done')
    await tab.untilStopped()
    t.strictSame(tab.all('finished'), [{ task: 'mine', result: 'well' }])
    t.strictSame(bars(tab).filter(({ task }) => task !== 'mine'), [])
    const results = ['other', 'mine'].map((task) => ({ task, result: 'well' }))
    t.strictSame(await all.until('finished', 2), results, 'the others go on')

    const late = visitor.open('/tasks/mine')
    await late.until('stream:done')
    await late.untilStopped()
    t.strictSame([late.all('moved'), late.all('finished')], [[], [{ task: 'mine', result: 'well' }]])
    await move('other', 2)
    await all.until('moved', 3)
  })

  t.test('a line that is cut leaves each bar where it is', async (t) => {
    const { cut, visitor, move, finish } = await start(t)
    await move('mine', 1)
    const [one, all] = [visitor.open('/tasks/mine'), visitor.open('/tasks')]
    for (const tab of [one, all]) await tab.until('moved')
    cut()
    for (const percent of [2, 3, 4]) await move('mine', percent)
    await finish('mine')
    for (const tab of [one, all]) {
      t.strictSame(await tab.until('finished'), [{ task: 'mine', result: 'well' }])
      t.strictSame(tab.all('stream:gap'), [])
    }
    await one.untilStopped()
  })
}
