/** The client leaves: whatever the source waits for, its `finally` runs, and nothing of the stream is left. */
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { queryObjects } from 'node:v8'
import t from 'tap'
import { EventStreamEnded, type SourceArguments } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient, standsStill } from './raw-client.ts'
import { serve } from './serve.ts'

/** Settles when somebody says so, and knows no signal. */
function deaf (): { promise: Promise<void>, settle: () => void } {
  let settle = (): void => {}
  const promise = new Promise<void>((resolve) => { settle = resolve })
  return { promise, settle }
}

/** Half a megabyte: more than any socket takes. */
const LARGE = 'x'.repeat(512 * 1024)

t.test('finally runs at once when the client leaves', async (t) => {
  type Wait = (source: SourceArguments) => AsyncGenerator<string>
  const waits: Record<string, Wait> = {
    'while it waits for a timer with the signal': async function * ({ signal }) {
      yield 'begun'
      await delay(3_600_000, undefined, { signal })
    },
    'while it waits for an event with the signal': async function * ({ signal }) {
      yield 'begun'
      await once(new EventTarget(), 'never', { signal })
    },
    'while it waits by until() for what never comes': async function * ({ until }) {
      yield 'begun'
      await until(new Promise(() => {}))
    },
    'while it waits for a slow reader': async function * () {
      yield 'begun'
      for (;;) yield LARGE
    }
  }
  for (const [title, wait] of Object.entries(waits)) {
    t.test(title, async (t) => {
      let reason: unknown
      let yielded = 0
      let isDone = false
      const { app, port, log, empty } = await serve(t, (app) => {
        app.get('/', (_request, reply) => reply.sse(async function * (source) {
          try {
            for await (const event of wait(source)) {
              yielded++
              yield event
            }
          } finally {
            reason = source.signal.reason
            isDone = true
          }
        }))
      })
      const client = await RawClient.get(t, port, '/')
      await client.until('data: begun')
      client.stall()
      let before = -1
      // where it yields without end: until the socket is full
      await eventually(() => { const isStill = before === yielded && (yielded === 1 || yielded > 2); before = yielded; return isStill }, 'the source waits')
      t.notOk(isDone)
      client.destroy()
      await eventually(() => isDone, 'finally runs')
      t.type(reason, EventStreamEnded)
      t.match(reason, { reason: 'client', name: 'AbortError', code: 'ABORT_ERR' })
      await empty()
      t.strictSame(app.eventfeed.stats().connections, 0)
      t.strictSame(log.filter(({ level }) => level >= 40), [], 'nothing to complain of')
      t.strictSame(log.filter(({ stream }) => stream?.reason === 'client').length, 1, 'its end is logged once')
    })
  }
})

t.test('a slow reader stops its generator', async (t) => {
  let yielded = 0
  const { app, port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () {
      for (;;) { yielded += 1; yield 'y'.repeat(64 * 1024) }
    }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: y')
  client.stall()
  const before = await standsStill(() => yielded, 'the generator stands still')
  t.ok(yielded * 64 * 1024 < 64 * 1024 * 1024, `${yielded} pulled`)
  t.equal((await app.inject('/nothing')).statusCode, 404, 'others are served meanwhile')
  client.flow()
  await eventually(() => yielded > before, 'it goes on when the reader does')
})

t.test('during asynchronous set-up', async (t) => {
  t.test('an async function that waits by until() stops, and no head is sent', async (t) => {
    let reason: unknown
    let hasBegun = false
    const { port, empty, log, ends } = await serve(t, (app) => {
      app.get('/', (_request, reply) => reply.sse(async ({ until, signal }) => {
        hasBegun = true
        try {
          return await until(new Promise<string[]>(() => {}))
        } finally {
          reason = signal.reason
        }
      }, { commitDelayMs: 3_600_000 }))
    })
    const client = await RawClient.get(t, port, '/')
    await eventually(() => hasBegun, 'the set-up runs')
    client.destroy()
    await eventually(() => reason !== undefined, 'finally runs')
    t.match(reason, { reason: 'client' })
    await empty()
    t.strictSame(await ends(1), ['client'])
    t.equal(client.text, '')
    t.strictSame(log.filter(({ level }) => level >= 40), [])
  })

  t.test('a generator that has not yielded yet', async (t) => {
    let hasBegun = false
    let isDone = false
    const { port, empty } = await serve(t, (app) => {
      app.get('/', (_request, reply) => reply.sse(async function * ({ until }) {
        try {
          hasBegun = true
          await until(new Promise(() => {}))
          yield ''
        } finally {
          isDone = true
        }
      }, { commitDelayMs: 3_600_000 }))
    })
    const client = await RawClient.get(t, port, '/')
    await eventually(() => hasBegun, 'the set-up runs')
    client.destroy()
    await eventually(() => isDone, 'finally runs')
    await empty()
  })

  t.test('a source that comes only when the client has left is disposed of', async (t) => {
    const late: Record<string, () => { source: unknown, isReleased: () => boolean }> = {
      'a Node stream': () => {
        const source = new Readable({ read () {} })
        return { source, isReleased: () => source.destroyed }
      },
      'a Node stream that fails while it is opened': () => {
        const source = createReadStream('/nowhere/at/all')
        return { source, isReleased: () => source.closed }
      },
      'a web stream': () => {
        let isReleased = false
        return { source: new ReadableStream({ cancel () { isReleased = true } }), isReleased: () => isReleased }
      },
      'an async iterable': () => {
        let isReleased = false
        const iterator = { next: () => new Promise<never>(() => {}), return: async () => { isReleased = true; return { done: true as const, value: undefined } } }
        return { source: { [Symbol.asyncIterator]: () => iterator }, isReleased: () => isReleased }
      }
    }
    for (const [title, make] of Object.entries(late)) {
      t.test(title, async (t) => {
        const { promise, settle } = deaf()
        let made: ReturnType<typeof make> | undefined
        const { app, port, ends } = await serve(t, (app) => {
          app.get('/', (_request, reply) => reply.sse(async () => {
            await promise
            made = make()
            return made.source as Iterable<string>
          }))
        })
        const client = await RawClient.get(t, port, '/')
        await eventually(() => app.eventfeed.stats().connections === 1, 'the stream is there')
        client.destroy()
        t.strictSame(await ends(1), ['client'])
        settle()
        await eventually(() => made?.isReleased() === true, 'it is released')
        t.equal((await app.inject('/nothing')).statusCode, 404, 'the process lives')
      })
    }
  })

  t.test('a client that left while the handler waited: the source does not begin to flow', async (t) => {
    const { promise, settle } = deaf()
    const source = new Readable({ read () {} })
    let hasBegun = false
    let hasLeft = false
    let called = 0
    const { app, port, empty, ends } = await serve(t, (app) => {
      app.get('/generator', async (request, reply) => {
        hasBegun = true
        request.raw.socket.once('close', () => { hasLeft = true })
        await promise
        return reply.sse(async function * () { called++; yield '' }, { maxAgeMs: 3_600_000 })
      })
      app.get('/stream', async (request, reply) => {
        hasBegun = true
        request.raw.socket.once('close', () => { hasLeft = true })
        await promise
        return reply.sse(source)
      })
      app.get('/throws', async (request, reply) => {
        hasBegun = true
        request.raw.socket.once('close', () => { hasLeft = true })
        await promise
        return reply.sse(() => { throw new Error('nobody is there') })
      })
    })
    for (const path of ['/generator', '/stream', '/throws']) {
      hasBegun = hasLeft = false
      const client = await RawClient.get(t, port, path)
      await eventually(() => hasBegun, 'the handler runs')
      client.destroy()
      await eventually(() => hasLeft, 'the server hears of it')
    }
    settle()
    t.strictSame(await ends(3), ['client', 'client', 'client'])
    t.equal(called, 0)
    await eventually(() => source.destroyed, 'the stream is released')
    await empty()
    t.equal(app.eventfeed.stats().connections, 0)
  })
})

t.test('a source that is parked on a promise that ignores the signal', async (t) => {
  const { promise, settle } = deaf()
  const clock = new ManualClock()
  let isDone = false
  let hasBegun = false
  let reason: unknown
  const { app, port, log, empty } = await serve(t, (app) => {
    app.get('/parked/:id', (_request, reply) => reply.sse(async function * ({ signal }) {
      try {
        hasBegun = true
        yield 'begun'
        await promise
        yield 'nobody sees this'
      } finally {
        reason = signal.reason
        isDone = true
      }
    }))
  }, { clock })
  const client = await RawClient.get(t, port, '/parked/secret')
  await client.until('data: begun')
  t.ok(hasBegun)
  client.destroy()
  await empty()
  const warnings = (): typeof log => log.filter(({ level }) => level >= 40)
  clock.advance(4_999 - 1)
  t.strictSame(warnings(), [], 'not before its time')
  clock.advance(2)
  clock.advance(3_600_000)
  t.equal(warnings().length, 1, 'it is reported once')
  t.match(warnings()[0], { level: 40, route: 'GET /parked/:id', reqId: 'req-1', msg: /GET \/parked\/:id still runs 5000 ms .* until\(promise\)/ })
  t.notMatch(warnings()[0]?.msg, /secret/)
  t.notOk(isDone)
  t.equal(clock.timers, 0, 'no timer is left')
  settle()
  await eventually(() => isDone, 'finally runs')
  t.match(reason, { reason: 'client' })
  t.equal(warnings().length, 1)
  t.equal(app.eventfeed.stats().connections, 0)
  t.notMatch(client.text, /nobody sees this/)
})

t.test('a source that is still parked when the application closes is reported then', async (t) => {
  const { promise, settle } = deaf()
  const { app, port, log, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () { yield 'begun'; await promise }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  client.destroy()
  await empty()
  await app.close()
  t.equal(log.filter(({ level, msg }) => level === 40 && msg.includes('still runs')).length, 1)
  settle()
})

t.test('a parked source that stops in time is not reported; one that fails in its clean-up is logged, and the process lives', async (t) => {
  const { promise, settle } = deaf()
  const clock = new ManualClock()
  const { app, port, log, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () {
      try {
        yield 'begun'
        await promise
      } finally {
        // eslint-disable-next-line no-unsafe-finally
        throw new Error('the clean-up failed')
      }
    }))
  }, { clock })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  client.destroy()
  await empty()
  settle()
  await eventually(() => log.some(({ level }) => level === 50), 'the failure is logged')
  t.match(log.filter(({ level }) => level >= 40), [{ level: 50, msg: /GET \/ failed while it was cleaning up/, err: { stack: /the clean-up failed/ } }])
  clock.advance(10_000)
  t.equal(log.filter(({ level }) => level === 40).length, 0)
  t.equal((await app.inject('/nothing')).statusCode, 404)
})

t.test('until() that nobody awaits does not end the process when the client leaves', async (t) => {
  let hasBegun = false
  let isDone = false
  const { app, port, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) {
      const forgotten = until(new Promise(() => {}))
      try {
        hasBegun = true
        yield 'begun'
        await until(new Promise(() => {}))
        await forgotten
      } finally {
        isDone = true
      }
    }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  t.ok(hasBegun)
  client.destroy()
  await eventually(() => isDone, 'finally runs')
  await empty()
  t.equal((await app.inject('/nothing')).statusCode, 404)
})

t.test('every kind of source delivers, and is released when the client leaves', async (t) => {
  interface Kind { source: unknown, isReleased: () => boolean }
  const kinds: Record<string, () => Kind> = {
    'an async iterable': () => {
      let isReleased = false
      const given = ['{"hello":"world"}', 'second']
      const iterator = {
        next: () => given.length > 0 ? Promise.resolve({ done: false as const, value: { event: 'greeting', id: 7, data: given.shift() } }) : new Promise<never>(() => {}),
        return: async () => { isReleased = true; return { done: true as const, value: undefined } }
      }
      return { source: { [Symbol.asyncIterator]: () => iterator }, isReleased: () => isReleased }
    },
    'an iterable': () => {
      let isReleased = false
      const source = (function * () { try { yield { event: 'greeting', data: { hello: 'world' }, id: 7 }; for (;;) yield 'second'.padEnd(10_000) } finally { isReleased = true } })()
      return { source, isReleased: () => isReleased }
    },
    'a Node stream of objects': () => {
      const source = new Readable({ objectMode: true, read () {} })
      source.push({ event: 'greeting', data: { hello: 'world' }, id: 7 })
      source.push('second')
      return { source, isReleased: () => source.destroyed }
    },
    'a Node stream of bytes': () => {
      const source = new Readable({ read () {} })
      const bytes = Buffer.from('{"hello":"world"}\r\nsécond\n')
      for (const byte of bytes) source.push(Buffer.of(byte))
      return { source, isReleased: () => source.destroyed }
    },
    'a web stream': () => {
      let isReleased = false
      const source = new ReadableStream({
        start (controller) { controller.enqueue({ event: 'greeting', data: { hello: 'world' }, id: 7 }); controller.enqueue('second') },
        cancel () { isReleased = true }
      })
      return { source, isReleased: () => isReleased }
    },
    'a web stream of bytes': () => {
      let isReleased = false
      const source = new ReadableStream({ start (controller) { controller.enqueue(new TextEncoder().encode('{"hello":"world"}\nsecond\r')) }, cancel () { isReleased = true } })
      return { source, isReleased: () => isReleased }
    },
    'a generator function': () => {
      let isReleased = false
      const source = function * (): Generator<unknown> { try { yield { event: 'greeting', data: { hello: 'world' }, id: 7 }; for (;;) yield 'second'.padEnd(10_000) } finally { isReleased = true } }
      return { source, isReleased: () => isReleased }
    },
    'an async generator function': () => {
      let isReleased = false
      const source = async function * ({ until }: SourceArguments): AsyncGenerator<unknown> {
        try { yield { event: 'greeting', data: { hello: 'world' }, id: 7 }; yield 'second'; await until(new Promise(() => {})) } finally { isReleased = true }
      }
      return { source, isReleased: () => isReleased }
    }
  }
  const plain = Object.entries(kinds).filter(([title]) => !title.includes('function'))
  for (const [title, make] of plain) {
    kinds[`a function that returns ${title}`] = () => { const kind = make(); return { ...kind, source: () => kind.source } }
    kinds[`an async function that returns ${title}`] = () => { const kind = make(); return { ...kind, source: async () => kind.source } }
  }
  const now: { kind?: Kind } = {}
  const { port, empty, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(now.kind?.source as Iterable<string>))
  })
  for (const [title, make] of Object.entries(kinds)) {
    now.kind = make()
    const client = await RawClient.get(t, port, '/')
    await client.until(/data: s[eé]cond/)
    t.match(client.body, 'data: {"hello":"world"}\n', title)
    if (!title.includes('bytes')) t.match(client.body, 'event: greeting\ndata: {"hello":"world"}\nid: 7\n\n', title)
    client.destroy()
    await eventually(() => now.kind?.isReleased() === true, `${title} is released`)
    await empty()
  }
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

t.test('generators that are parked keep neither request nor response in memory', async (t) => {
  const settle: Array<() => void> = []
  const { port, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () {
      yield 'begun'
      const { promise, settle: wake } = deaf()
      settle.push(wake)
      await promise
    }))
  })
  for (let count = 1; count <= 50; count++) {
    const client = await RawClient.get(t, port, '/')
    await client.until('begun')
    client.destroy()
    await eventually(() => settle.length === count, 'the generator is parked')
  }
  await empty()
  // Node itself keeps a few for reuse; each count collects garbage first
  const few = 10
  await eventually(() => queryObjects(ServerResponse, { format: 'count' }) < few && queryObjects(IncomingMessage, { format: 'count' }) < few, 'they are collected')
  t.equal(settle.length, 50)
  for (const wake of settle) wake()
})
