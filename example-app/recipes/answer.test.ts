/**
 * How to test streams: by `node --test`, without a socket, and with a clock that the test moves. `inject` opens a
 * stream as a client does. One that ends is an ordinary answer; one that stays open is read as far as the test wants.
 */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Clock } from 'fastify-eventfeed'
import { buildApp } from './answer.ts'

/** Time passes only in `advance`. */
class TestClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ at: number, run: () => void }>()
  now = () => this.#now
  elapsed = () => this.#now
  after (delayMs: number, run: () => void) {
    const timer = { at: this.#now + delayMs, run }
    this.#timers.add(timer)
    return () => { this.#timers.delete(timer) }
  }

  advance (ms: number) {
    this.#now += ms
    for (const timer of this.#timers) if (timer.at <= this.#now && this.#timers.delete(timer)) timer.run()
  }
}

/** An answer of two words, and of what `rest` says. */
async function ask (t: TestContext, rest: () => AsyncIterable<string>) {
  const clock = new TestClock()
  const app = await buildApp(async function * () { yield 'It'; yield ' works'; yield * rest() }, { clock })
  t.after(async () => {
    // a close waits for the answer, by the same clock
    const time = setInterval(() => { clock.advance(1_000) })
    await app.close()
    clearInterval(time)
  })
  const { cookies: [session] } = await app.inject({ method: 'POST', url: '/login', body: { user: 'ada' } })
  const as = { cookies: { session: session?.value ?? '' }, headers: { accept: 'text/event-stream' } }
  const { id } = (await app.inject({ ...as, method: 'POST', url: '/answers', body: { question: '?' } })).json()
  return { app, clock, request: { ...as, url: `/answers/${id}/events` } }
}

test('an answer is streamed to its end, and kept for ten minutes', async (t) => {
  const { app, clock, request } = await ask(t, async function * () {})
  const { payload } = await app.inject(request)
  assert.deepEqual(payload.match(/^(event|data): .*/gm)?.slice(2), [
    'event: token', 'data: {"text":"It"}', 'event: token', 'data: {"text":" works"}', 'event: stream:done', 'data: {}'
  ])
  clock.advance(600_000)
  assert.equal((await app.inject(request)).statusCode, 404)
})

test('the stream of a model that thinks is kept alive', async (t) => {
  const { app, clock, request } = await ask(t, async function * () { await new Promise(() => {}) })
  const response = await app.inject({ ...request, payloadAsStream: true })
  let text = ''
  for await (const chunk of response.stream()) {
    text += chunk
    if (text.includes('\n:')) break // and leave
    if (text.includes(' works')) clock.advance(15_000)
  }
  assert.match(text, /"It".*" works".*^:$/ms, 'a comment, which clients skip')
})
