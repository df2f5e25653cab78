/** The boundaries of sources: what `reply.sse` is given, and what that calls while it is read and let go of. */
import { Readable } from 'node:stream'
import type { SourceArguments } from '../../lib/index.ts'
import { ALL, THROWS, type Boundary } from './boundary.ts'
import type { FaultKind, Injector } from './faults.ts'
import type { Victim } from './victim.ts'

/** What a source counts, so that it is known to be disposed. */
export interface Disposal { begun: number, over: number, wake: () => void }

type Event = { event: 'message', data: { n: number, hidden: boolean } }

/** The events of a source are numbered down, so that none is taken for one of a feed. */
const eventAt = (index: number): Event => ({ event: 'message', data: { n: -100 - index, hidden: false } })

/** A few events now, and then no more until the stream has ended. */
const EVENTS_AT_ONCE = 3

/** The faults of what is read and not called. */
const READS: readonly FaultKind[] = ['throws', 'returns the wrong kind', 're-enters']

/** An iterator that never ends by itself; its disposal is recorded. */
class Numbers implements AsyncIterator<Event, undefined> {
  readonly #disposal: Disposal
  readonly #given: SourceArguments | undefined
  #index = 0
  #hasBegun = false
  #isOver = false
  #wake: () => void = () => {}

  constructor (disposal: Disposal, given?: SourceArguments) {
    this.#disposal = disposal
    this.#given = given
    disposal.wake = () => { this.#wake() }
  }

  /** From here on it must be let go of. A stream of Node's holds something before it is read. */
  begin (): this {
    if (!this.#hasBegun) this.#disposal.begun++
    this.#hasBegun = true
    return this
  }

  /** A few now, and then one whenever something is published. */
  async next (): Promise<IteratorResult<Event, undefined>> {
    this.begin()
    if (this.#index >= EVENTS_AT_ONCE) {
      const more = new Promise<void>((resolve) => { this.#wake = resolve })
      // a source that learns of the end by its signal, and one that learns of it by return()
      await (this.#given === undefined ? more : this.#given.until(more))
    }
    return this.#isOver ? { done: true, value: undefined } : { done: false, value: eventAt(this.#index++) }
  }

  async return (): Promise<IteratorReturnResult<undefined>> {
    this.over()
    return { done: true, value: undefined }
  }

  over (): void {
    if (!this.#isOver && this.#hasBegun) this.#disposal.over++
    this.#isOver = true
    this.#wake()
  }
}

/** A source around an iterator whose `method` fails. */
function iteratorRow (
  name: string,
  row: Pick<Boundary, 'stacks' | 'faults'> & Partial<Boundary>,
  make: (numbers: Numbers, injector: Injector) => unknown
): Boundary {
  return {
    name,
    covers: [],
    hurts: 'stream',
    ...row,
    victim: (injector) => sourceOf((disposal) => make(new Numbers(disposal), injector))
  }
}

function sourceOf (make: (disposal: Disposal) => unknown): Victim {
  const disposal: Disposal = { begun: 0, over: 0, wake: () => {} }
  return { source: () => make(disposal), disposal }
}

function asyncIterable (iterator: object): object {
  return { [Symbol.asyncIterator]: () => iterator }
}

/** Bound: what wraps them calls them on something else. */
function methodsOf (numbers: Numbers): { next: () => Promise<unknown>, return: () => Promise<unknown> } {
  return { next: () => numbers.next(), return: () => numbers.return() }
}

/** Streams of Node that read from an iterator, with one method that fails. */
function readable (numbers: Numbers): Readable {
  return Readable.from(
    asyncIterable(methodsOf(numbers.begin())) as AsyncIterable<unknown>
  ).on('close', () => { numbers.over() })
}

/** A web stream over an iterator. */
function webStream (numbers: Numbers): ReadableStream<unknown> {
  numbers.begin()
  return new ReadableStream<unknown>({
    async pull (controller) {
      const { done, value } = await numbers.next()
      if (done !== true) controller.enqueue(value)
    },
    cancel: () => { numbers.over() }
  }, { highWaterMark: 0 })
}

export const SOURCE_ROWS: readonly Boundary[] = [
  {
    name: 'a function source',
    covers: [],
    hurts: 'stream',
    stacks: ['request'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: (injector) => {
      const disposal: Disposal = { begun: 0, over: 0, wake: () => {} }
      return {
        source: () => injector.wrap((given: SourceArguments) => asyncIterable(methodsOf(new Numbers(disposal, given)))),
        disposal
      }
    }
  },
  {
    name: 'what a function source waits for by until()',
    covers: ['SourceArguments.until'],
    hurts: 'stream',
    stacks: ['request', 'tick'],
    faults: ALL,
    victim: (injector) => {
      const wait = injector.wrap((): unknown => undefined)
      const disposal: Disposal = { begun: 0, over: 0, wake: () => {} }
      return {
        disposal,
        source: () => async function * ({ until }: SourceArguments) {
          for (let index = 0; ; index++) {
            await until(wait() as undefined)
            yield eventAt(index)
            if (index > 0) await until(new Promise<void>((resolve) => { disposal.wake = resolve }))
          }
        }
      }
    }
  },
  iteratorRow('source[Symbol.asyncIterator]', { stacks: ['request'], faults: ALL }, (numbers, injector) => (
    { [Symbol.asyncIterator]: injector.wrap(() => methodsOf(numbers)) })),
  iteratorRow('source[Symbol.iterator]', { stacks: ['request'], faults: ALL }, (numbers, injector) => (
    { [Symbol.iterator]: injector.wrap(() => methodsOf(numbers)) })),
  iteratorRow('iterator.next', {
    stacks: ['request', 'tick'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => (
    asyncIterable({ ...methodsOf(numbers), next: injector.wrap(() => numbers.next()) }))),
  iteratorRow('iterator.next, synchronous', {
    stacks: ['request', 'tick'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => (
    // what it yields is a promise
    {
      [Symbol.iterator]: () => ({
        next: injector.wrap(() => ({ done: false, value: numbers.next().then(({ value }) => value) })),
        return: () => numbers.return()
      })
    })),
  iteratorRow('iterator.return', {
    stacks: ['socket', 'call', 'drain'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => (
    asyncIterable({ ...methodsOf(numbers), return: injector.wrap(() => numbers.return()) }))),
  iteratorRow('results of iterators', {
    stacks: ['request', 'tick'],
    faults: READS
  }, (numbers, injector) => asyncIterable({
    ...methodsOf(numbers),
    next: async () => {
      const result = await numbers.next()
      return Object.defineProperty({ value: result.value }, 'done', { get: injector.wrap(() => result.done) })
    }
  })),
  iteratorRow('fields of events', { stacks: ['request', 'tick'], faults: READS }, (numbers, injector) => asyncIterable({
    ...methodsOf(numbers),
    next: async () => {
      const { done, value } = await numbers.next()
      return {
        done,
        value: Object.defineProperty({ event: 'message' }, 'data', { get: injector.wrap(() => value?.data) })
      }
    }
  })),
  iteratorRow('data of events', { stacks: ['request', 'tick'], faults: READS }, (numbers, injector) => asyncIterable({
    ...methodsOf(numbers),
    next: async () => {
      const { done, value } = await numbers.next()
      return {
        done,
        value: { event: 'message', data: { ...value?.data, note: { toJSON: injector.wrap(() => 'a note') } } }
      }
    }
  })),
  iteratorRow('readable[Symbol.asyncIterator]', { stacks: ['request'], faults: READS }, (numbers, injector) => {
    const stream = readable(numbers)
    return Object.assign(stream, {
      [Symbol.asyncIterator]: injector.wrap(() => Readable.prototype[Symbol.asyncIterator].call(stream))
    })
  }),
  // once: after us, Node's own iterator calls it too
  iteratorRow('readable.destroy', {
    isOnce: true,
    covers: ['Readable.destroy'],
    stacks: ['socket', 'call', 'drain'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => {
    const stream = readable(numbers)
    return Object.assign(stream, {
      destroy: injector.wrap((error?: Error) => Readable.prototype.destroy.call(stream, error))
    })
  }),
  iteratorRow('readable.on', {
    covers: ['Readable.on'],
    isOverByItself: true,
    stacks: ['request'],
    faults: THROWS
  }, (numbers, injector) => {
    const stream = readable(numbers)
    return Object.assign(stream, {
      on: injector.wrap((...args: Parameters<Readable['on']>) => Readable.prototype.on.apply(stream, args))
    })
  }),
  iteratorRow('errors of a readable', {
    isFastifys: true,
    stacks: ['request', 'tick'],
    faults: ['throws']
  }, (numbers, injector) => Readable.from(asyncIterable({
    ...methodsOf(numbers.begin()), next: injector.wrap(() => numbers.next())
  }) as AsyncIterable<unknown>).on('close', () => { numbers.over() })),
  iteratorRow('properties by which a source is known', { stacks: ['request'], faults: READS }, (numbers, injector) => (
    Object.defineProperty({ [Symbol.asyncIterator]: () => methodsOf(numbers) }, 'getReader', {
      get: injector.wrap(() => undefined)
    }))),
  iteratorRow('webStream.getReader', {
    covers: ['ReadableStreamLike.getReader'],
    stacks: ['request'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => {
    const stream = webStream(numbers)
    return { getReader: injector.wrap(() => stream.getReader()) }
  }),
  iteratorRow('reader.read', {
    stacks: ['request', 'tick'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => {
    const reader = webStream(numbers).getReader()
    return {
      getReader: () => ({
        read: injector.wrap(() => reader.read()),
        cancel: (reason: unknown) => reader.cancel(reason)
      })
    }
  }),
  iteratorRow('reader.cancel', {
    stacks: ['socket', 'call', 'drain'],
    faults: ALL,
    isOverByItself: true
  }, (numbers, injector) => {
    const reader = webStream(numbers).getReader()
    return {
      getReader: () => ({
        read: () => reader.read(),
        cancel: injector.wrap((reason: unknown) => reader.cancel(reason))
      })
    }
  })
]
