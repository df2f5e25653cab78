/** `until`: many waits for one stream. */
import { getEventListeners } from 'node:events'
import t from 'tap'
import { onAbort } from '../../lib/abort.ts'
import { until } from '../../lib/stream/until.ts'

t.test('many that wait on one signal are one listener, which goes with the last of them', async (t) => {
  const warnings: Error[] = []
  // Node 26 warns of what a test runner does
  const note = (warning: Error): void => { if (warning.name !== 'DeprecationWarning') warnings.push(warning) }
  process.on('warning', note)
  t.teardown(() => { process.off('warning', note) })
  const { signal } = new AbortController()
  const resolves: Array<(value: number) => void> = []
  const waits = Array.from({ length: 100 }, () => until(new Promise<number>((resolve) => { resolves.push(resolve) }), signal))
  t.equal(getEventListeners(signal, 'abort').length, 1)
  for (const [index, resolve] of resolves.entries()) resolve(index)
  t.strictSame(await Promise.all(waits), Array.from({ length: 100 }, (_, index) => index))
  t.equal(getEventListeners(signal, 'abort').length, 0)
  await new Promise((resolve) => { setImmediate(resolve) })
  t.strictSame(warnings, [])
})

t.test('all that wait are rejected with the reason, and so is who comes later; nothing is left', async (t) => {
  const controller = new AbortController()
  const waits = Array.from({ length: 12 }, () => until(new Promise(() => {}), controller.signal))
  const reason = new Error('over')
  controller.abort(reason)
  waits.push(until(new Promise(() => {}), controller.signal))
  for (const result of await Promise.allSettled(waits)) t.strictSame(result, { status: 'rejected', reason })
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
})

t.test('who is called at an abort may take back others, and wait again', async (t) => {
  const controller = new AbortController()
  const called: string[] = []
  onAbort(controller.signal, () => { called.push('first'); takeBack(); takeBack() })
  const takeBack = onAbort(controller.signal, () => { called.push('second') })
  onAbort(controller.signal, () => { called.push('third') })
  controller.abort()
  t.strictSame(called, ['first', 'third'])
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
})
