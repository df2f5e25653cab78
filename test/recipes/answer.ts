/** The recipe of an AI answer, as its users see it. */
import { EventEmitter, once } from 'node:events'
import type { Test } from 'tap'
import type * as Recipe from '../../example-app/recipes/answer.ts'
import { eventually } from '../story/raw-client.ts'
import { serve, Visitor } from './visitor.ts'

const WORDS = ['It', ' works', ', as', ' you', ' see'].map((text) => ({ text }))

/** A model that says its next word when the test lets it. */
class SlowModel extends EventEmitter<{ allowed: [] }> {
  wasStopped = false
  #allowed = 0

  allow (words: number): void {
    this.#allowed += words
    this.emit('allowed')
  }

  async * answer (signal: AbortSignal): AsyncGenerator<string> {
    try {
      for (const [place, { text }] of WORDS.entries()) {
        while (place >= this.#allowed) await once(this, 'allowed', { signal })
        yield text
      }
    } finally {
      this.wasStopped = signal.aborted
    }
  }
}

export async function answer (t: Test, { buildApp }: typeof Recipe): Promise<void> {
  const asked = async (t: Test) => {
    const model = new SlowModel()
    const app = await buildApp((_question, signal) => model.answer(signal), { retryMs: 10, drainTimeoutMs: 200 })
    const { origin, cut } = await serve(t, app)
    const [ada, bob] = [await Visitor.login(t, origin, 'ada'), await Visitor.login(t, origin, 'bob')]
    const { id } = await ada.ask<{ id: string }>('POST', '/answers', { question: 'Does it work?' })
    return { app, cut, model, ada, bob, id, path: `/answers/${id}` }
  }

  t.test('survives a reload, a line that is cut, and a second tab', async (t) => {
    const { cut, model, ada, id, path } = await asked(t)
    model.allow(2)
    const first = ada.open(`${path}/events`)
    await first.until('token', 2)
    first.close()

    const reloaded = ada.open(`${path}/events`)
    t.strictSame(await reloaded.until('token', 2), WORDS.slice(0, 2), 'from the beginning')
    const second = ada.open(`${path}/events`)
    await second.until('token', 2)
    cut()
    model.allow(WORDS.length)
    for (const tab of [reloaded, second]) {
      await tab.until('stream:done')
      await tab.untilStopped()
      t.strictSame(tab.all('token'), WORDS, 'each word once')
      t.strictSame(tab.all('stream:gap'), [])
    }
    t.match(await ada.ask('GET', '/answers'), [{ id, state: 'done', events: WORDS.length }])
    t.equal(model.wasStopped, false)
  })

  t.test('is stopped by its user, and all tabs learn why', async (t) => {
    const { model, ada, path } = await asked(t)
    model.allow(1)
    const tabs = [ada.open(`${path}/events`), ada.open(`${path}/events`)]
    for (const tab of tabs) await tab.until('token')
    t.match(await ada.ask('DELETE', path), { state: 'stopped', reason: 'user' })
    t.equal(model.wasStopped, true, 'the model too')
    for (const tab of tabs) {
      t.strictSame(await tab.until('stream:done'), [{ reason: 'user' }])
      await tab.untilStopped()
    }
    t.strictSame(await ada.open(`${path}/events`).until('stream:done'), [{ reason: 'user' }], 'who comes later, too')
  })

  t.test('does not exist for anybody else', async (t) => {
    const { model, ada, bob, path } = await asked(t)
    for (const place of [`${path}/events`, '/answers/none/events']) t.equal(await bob.status('GET', place), 404)
    t.equal(await bob.status('DELETE', path), 404)
    t.strictSame(await bob.ask('GET', '/answers'), [])
    const tab = bob.open(`${path}/events`)
    await tab.untilStopped()
    t.strictSame(tab.events, [])
    model.allow(WORDS.length)
    t.strictSame(await ada.open(`${path}/events`).until('token', WORDS.length), WORDS, 'and goes on')
  })

  t.test('leaves the tabs of a user who logs out', async (t) => {
    const { app, model, ada, bob, path } = await asked(t)
    model.allow(1)
    const tab = ada.open(`${path}/events`)
    await tab.until('token')
    t.strictSame(await bob.ask('POST', '/logout'), { streams: 0 })
    t.strictSame(await ada.ask('POST', '/logout'), { streams: 1 })
    await tab.untilStopped()
    model.allow(WORDS.length)
    await eventually(() => app.eventfeed.stats().runs['answers']?.ended.done === 1, 'the answer ends')
    t.strictSame(tab.all('token'), WORDS.slice(0, 1))
  })
}
