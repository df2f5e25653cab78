/**
 * A frame source over an iterator: it pulls, encodes, and lets go. It pulls only when the connection has read all and
 * asks for more, so a slow reader stops its generator.
 */
import { PULL_AHEAD_BYTES, YIELD_AFTER_BYTES } from '../defaults.ts'
import { asError, isAbort } from '../errors.ts'
import { isThenable } from '../thenable.ts'
import { Batch } from '../wire/batch.ts'
import { encodeYielded, type Encoded } from '../wire/encode.ts'
import { isEventObject } from '../wire/event.ts'
import type { FrameSource, SourceContext, SourceEnd } from '../wire/frame-source.ts'
import { isToldGap } from '../wire/told-gap.ts'

/** What is pulled: an iterator, async or not, and how to wake one that waits for something that no signal reaches. */
export interface Origin {
  readonly iterator: AsyncIterator<unknown> | Iterator<unknown>
  /**
   * Makes a pending `next()` settle, as by destroying a stream; for generators there is no such thing. What it
   * returns tells when that is done, and is handled.
   */
  readonly interrupt?: (reason: Error) => unknown
}

/** Pulls from an iterator. */
export class IterableFrames implements FrameSource {
  readonly #iterator: Origin['iterator']
  readonly #interrupt: Origin['interrupt']
  #context: SourceContext | undefined
  #pending: Promise<unknown> | undefined
  #stopping: PromiseLike<unknown> | undefined
  #isWanted = false
  #isPulling = false
  /** Called when `next()` returns. */
  #onAnswer: (() => void) | undefined
  #isWakeDue = false
  #end: SourceEnd | undefined
  /** Whole events. Its length, in UTF-16 units, is near enough to that in bytes for a bound. */
  #text = ''
  /** What is known of them. */
  readonly #encoded: Encoded = { events: 0, lastEventId: undefined, misheard: undefined }
  #bytesSinceYield = 0

  constructor (origin: Origin, context: SourceContext) {
    this.#iterator = origin.iterator
    this.#interrupt = origin.interrupt
    this.#context = context
  }

  get end (): SourceEnd | undefined {
    return this.#text === '' ? this.#end : undefined
  }

  read (_maxBytes: number): Batch | undefined {
    if (this.#text !== '') return this.#take()
    this.#isWanted = true
    this.#pull()
    return undefined
  }

  quiet (): undefined {}

  behind (): { entries: number, bytes: number } {
    return { entries: this.#encoded.events, bytes: this.#text.length }
  }

  cancel (reason: Error): Promise<void> | undefined {
    if (this.#context === undefined) return undefined
    this.#context = undefined
    this.#isWanted = false
    if (this.#end !== undefined) return this.#stopped()
    this.#end = { kind: 'done' }
    if (!this.#isPulling) {
      // JavaScript cannot break into an await: return() of a generator that is parked runs when it is parked no more
      this.#stopping = this.#stop(reason)
      return this.#stopped()
    }
    return new Promise<void>((resolve) => {
      this.#onAnswer = () => {
        this.#stopping = this.#stop(reason)
        resolve()
      }
    }).then(() => this.#stopped())
  }

  release (): void {
    this.#text = ''
  }

  /**
   * Asks for the next. An iterator that is running cannot be asked again, nor stopped: both wait until it has
   * answered.
   */
  #next (): IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>> {
    this.#isPulling = true
    try {
      return this.#iterator.next()
    } finally {
      this.#isPulling = false
      this.#onAnswer?.()
    }
  }

  /** Tells the iterator to stop. A synchronous one has then stopped. */
  #stop (reason: Error): PromiseLike<unknown> | undefined {
    try {
      this.#interrupt?.(reason)
      const returned = this.#iterator.return?.()
      return isThenable(returned) ? returned : undefined
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** What `cancel` gives: `undefined` where nothing runs any more. */
  #stopped (): Promise<void> | undefined {
    const waits = [this.#pending, this.#stopping].filter((wait) => wait !== undefined)
    if (waits.length === 0) return undefined
    return Promise.allSettled(waits).then((results) => {
      const failed = results.find((result) => result.status === 'rejected' && !isAbort(result.reason))
      if (failed?.status === 'rejected' && this.#interrupt === undefined) throw failed.reason
    })
  }

  #take (): Batch {
    const batch = new Batch(this.#text, this.#encoded.events, this.#encoded.lastEventId)
    this.#text = ''
    this.#encoded.events = 0
    // no more is pulled until the connection has handed this over and asks again
    this.#isWanted = false
    return batch
  }

  /**
   * Asks for events while they are wanted. Synchronous ones are taken in a row; for the first that is not, `#follow`
   * goes on.
   */
  #pull (): void {
    // who is asked for the next may commit the stream, which asks for more: the loop below goes on when it has answered
    if (this.#isPulling || this.#pending !== undefined) return
    while (this.#mayPull) {
      if (this.#bytesSinceYield >= YIELD_AFTER_BYTES) {
        this.#pending = this.#follow(undefined)
        return
      }
      const result = this.#ask()
      if (result instanceof Promise) {
        this.#pending = this.#follow(result)
        return
      }
    }
  }

  get #mayPull (): boolean {
    return this.#isWanted && this.#end === undefined && this.#text.length < PULL_AHEAD_BYTES
  }

  /** Asks for the next event, and takes it in where it is there at once; else gives the promise of it. */
  #ask (): Promise<IteratorResult<unknown>> | undefined {
    try {
      const result = this.#next()
      if (result instanceof Promise) return result
      if (isThenable<IteratorResult<unknown>>(result)) return Promise.resolve(result)
      if (result.done !== true && isThenable(result.value)) return this.#awaitValue(result.value)
      // one that has ended its own stream says no more
      if (this.#context !== undefined) this.#accept(result)
    } catch (error) {
      this.#fail(error)
    }
    return undefined
  }

  /** The iterator itself still runs when a promise that it yielded is rejected, so it is stopped. */
  async #awaitValue (value: PromiseLike<unknown>): Promise<IteratorResult<unknown>> {
    try {
      return { done: false, value: await value }
    } catch (error) {
      if (this.#context === undefined) throw error
      this.#fail(error)
      return { done: true, value: undefined }
    }
  }

  /**
   * Goes on with what takes its time: one loop for many events, because a closure and a promise for each would cost
   * as much as the event.
   */
  async #follow (first: Promise<IteratorResult<unknown>> | undefined): Promise<void> {
    let result = first
    for (;;) {
      if (result !== undefined) {
        let settled
        try {
          settled = await result
        } catch (error) {
          this.#pending = undefined
          // told by whoever has cancelled
          if (this.#context === undefined) throw error
          // an iterator that has failed is over, but the stream that it reads may not be
          if (this.#interrupt === undefined) this.#finish({ kind: 'failed', error })
          else this.#fail(error)
          return
        }
        if (this.#context === undefined) break
        try {
          if (this.#end === undefined) this.#accept(settled)
        } catch (error) {
          this.#fail(error)
        }
      }
      if (this.#bytesSinceYield >= YIELD_AFTER_BYTES) {
        await new Promise((resolve) => { setImmediate(resolve) })
        this.#bytesSinceYield = 0
      }
      if (!this.#mayPull) break
      result = this.#ask()
    }
    this.#pending = undefined
  }

  #accept (result: IteratorResult<unknown>): void {
    if (result.done === true) {
      this.#finish({ kind: 'done' })
      return
    }
    const text = this.#encode(result.value)
    this.#text += text
    this.#bytesSinceYield += text.length
    this.#wakeSoon()
  }

  #encode (yielded: unknown): string {
    const control = this.#context?.control
    if (control === undefined || control.hasNamedGaps || !isEventObject(yielded) || !isToldGap(yielded)) {
      const text = encodeYielded(yielded, this.#context?.codec?.text, this.#encoded)
      if (this.#encoded.misheard !== undefined) this.#tellMisheard(this.#encoded.misheard)
      return text
    }
    // a gap of a feed, yielded on, in the stream's own form
    const said = control.gap(yielded.data, yielded.id)
    if (said?.lastEventId !== undefined) this.#encoded.lastEventId = said.lastEventId
    return said?.text ?? ''
  }

  /** A route that declares its events was told of them before. */
  #tellMisheard (type: string): void {
    this.#encoded.misheard = undefined
    if (this.#context?.codec === undefined) this.#context?.owner.misheard?.(type)
  }

  /** The iterator still runs, but what it yielded is no event, so it is stopped. */
  #fail (error: unknown): void {
    this.#finish({ kind: 'failed', error })
    this.#stopping = this.#stop(asError(error, 'a source failed'))
    // the connection reports how that went when it cancels, which may be later
    this.#stopping?.then(undefined, () => {})
  }

  #finish (end: SourceEnd): void {
    this.#end = end
    this.#wakeSoon()
  }

  /** At the end of the tick, so that all that is ready by then leaves in one write. */
  #wakeSoon (): void {
    if (this.#isWakeDue) return
    this.#isWakeDue = true
    process.nextTick(() => {
      this.#isWakeDue = false
      this.#context?.owner.wake()
    })
  }
}
