/**
 * The kinds of source, and how each is opened as a frame source. It does not know feeds: those come as openers.
 */
import type { Readable } from 'node:stream'
import { asError, BadSource, describe, isAbort } from '../errors.ts'
import { heard } from '../guarded.ts'
import { isThenable } from '../thenable.ts'
import type { Batch } from '../wire/batch.ts'
import { isFrameSourceOpener, openFrames, type FrameSource, type SourceContext, type SourceEnd } from '../wire/frame-source.ts'
import { IterableFrames, type Origin } from './iterable-frames.ts'
import { bytesAsLines } from './lines.ts'
import { merge } from './merge.ts'

/** What a function source gets. */
export interface SourceArguments {
  /** Aborted when the stream has ended; `signal.reason` is an `EventStreamEnded`. Give it to whatever waits. */
  readonly signal: AbortSignal
  /** The last event ID that the client sent; `undefined` at a first connect. */
  readonly lastEventId: string | undefined
  /**
   * Waits for something that knows no signal: settles as `promise` does, or rejects with `signal.reason` as soon as
   * the stream has ended, so that a `finally` runs at once. What `promise` does afterwards is ignored.
   */
  until<Value> (promise: PromiseLike<Value> | Value): Promise<Value>
  /**
   * Commits the stream now: the client sees it open, though there is no event yet. From here on a failure is reported
   * in the stream.
   */
  ready (): void
}

/**
 * What holds events: an async iterable, an iterable, a Node or web stream, a feed subscription, or several of these
 * last.
 */
export type EventsOf<Event> = AsyncIterable<Event> | (Iterable<Event> & object) | ReadableStreamLike<Event>

/** A web stream, by what is used of it. */
export interface ReadableStreamLike<Value> {
  getReader (): { read (): Promise<{ done: boolean, value?: Value | undefined }>, cancel (reason?: unknown): Promise<void> }
}

/**
 * Opens a source, whatever its kind. `argumentsOf` makes what a function source gets. Throws
 * `FST_EVENTFEED_BAD_SOURCE`.
 */
export function openSource (source: unknown, context: SourceContext, argumentsOf: () => SourceArguments): FrameSource {
  if (typeof source !== 'function') return openHeld(source, context)
  const given: unknown = source(argumentsOf())
  if (!(given instanceof Promise) && !isThenable(given)) return openHeld(given, context)
  return new AwaitedFrames(Promise.resolve(given), context, false)
}

/**
 * Opens what a promise holds. Until that is kept, no head is sent: where there is nothing, that is an ordinary error.
 */
export function openLater (promise: Promise<unknown>, context: SourceContext): FrameSource {
  return new AwaitedFrames(promise, context, true)
}

/**
 * Lets go of a source that is not started, so that nothing of it stays open: a Node stream is destroyed, a web stream
 * cancelled, the `return()` of an iterator called. What they throw or emit then ends nothing. Functions and
 * subscriptions hold nothing yet.
 *
 * @returns `undefined` if the source has stopped; else a promise that is fulfilled when it has, and rejected when its
 *   clean-up failed
 */
export function closeSource (source: unknown, reason: Error): Promise<void> | undefined {
  try {
    if (typeof source === 'function' || isFrameSourceOpener(source)) return undefined
    if (Array.isArray(source)) return closeStrays(source, reason)
    // a mistake, but one that may hold something
    if (isThenable(source)) return Promise.resolve(source).then((held) => closeSource(held, reason), () => {})
    // who has locked a stream is to close it
    if (isWebStream(source) && 'locked' in source && source.locked === true) return undefined
    if (isReadable(source)) {
      destroyed(source)
      return undefined
    }
    const origin = originOf(source)
    if (origin === undefined) return undefined
    const stopping = [origin.interrupt?.(reason), origin.iterator.return?.()].filter(isThenable)
    return stopping.length === 0 ? undefined : Promise.all(stopping).then(() => {}, throwUnlessAbort)
  } catch (error) {
    return Promise.reject(error)
  }
}

/**
 * Keeps a source that is started later: if it fails meanwhile, it is an error of the stream that starts it, and not
 * of the process.
 */
export function holdSource (source: unknown): void {
  if (isReadable(source)) source.on('error', () => {})
  else if (isThenable(source)) Promise.resolve(source).catch(() => {})
}

/** What stands among subscriptions in an array: with it the array is no source. */
function closeStrays (array: unknown[], reason: Error): Promise<void> | undefined {
  if (!array.some(isFrameSourceOpener)) return undefined
  const stopping = array.map((member) => closeSource(member, reason)).filter((stopped) => stopped !== undefined)
  return stopping.length === 0 ? undefined : Promise.all(stopping).then(() => {})
}

/** Opens anything but a function. What cannot be opened is let go of. */
function openHeld (source: unknown, context: SourceContext): FrameSource {
  try {
    if (isFrameSourceOpener(source)) return source[openFrames](context)
    if (Array.isArray(source) && source.length === 0) return new QuietFrames()
    if (Array.isArray(source) && source.some(isFrameSourceOpener)) {
      if (!source.every(isFrameSourceOpener)) throw new BadSource('an array of subscriptions and other things')
      return merge(source)[openFrames](context)
    }
    const origin = originOf(source)
    if (origin === undefined) throw new BadSource(describe(source))
    return new IterableFrames(origin, context)
  } catch (error) {
    closeSource(source, asError(error, 'a source cannot be opened'))?.catch(() => {})
    throw error
  }
}

/** How a source that is no function is pulled, value by value; `undefined` for what cannot be streamed. */
export function originOf (source: unknown): Origin | undefined {
  if (typeof source !== 'object' || source === null) return undefined
  if (isWebStream(source)) return webStreamOrigin(source)
  if (isReadable(source)) {
    // it may fail before it is read
    source.on('error', () => {})
    return { iterator: bytesAsLines(source)[Symbol.asyncIterator](), interrupt: () => { destroyed(source) } }
  }
  if (Symbol.asyncIterator in source) return { iterator: heard((source as AsyncIterable<unknown>)[Symbol.asyncIterator]()) }
  if (Symbol.iterator in source) return { iterator: heard((source as Iterable<unknown>)[Symbol.iterator]()) }
  return undefined
}

/** Destroys a stream. It may fail because of that: an error that nobody hears of ends the process. */
function destroyed (stream: Readable): void {
  stream.on('error', () => {})
  heard(stream.destroy())
}

/**
 * Through its reader: `cancel` of a reader settles a pending read, and `return()` of a web stream's own iterator
 * waits for it.
 */
function webStreamOrigin (stream: ReadableStreamLike<unknown>): Origin {
  const reader = heard(stream.getReader())
  const chunks: AsyncIterable<unknown> = {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const { done, value } = await reader.read()
        return done ? { done, value: undefined } : { done, value }
      }
    })
  }
  const interrupt = (reason: Error): Promise<void> => {
    const cancelled = reader.cancel(reason)
    cancelled.catch(() => {})
    return cancelled
  }
  return { iterator: bytesAsLines(chunks)[Symbol.asyncIterator](), interrupt }
}

/**
 * An array without subscriptions, such as those of a user who follows no feed: nothing to say, and no end, after
 * which the client would never come back.
 */
class QuietFrames implements FrameSource {
  end: SourceEnd | undefined

  read (): undefined {}

  quiet (): undefined {}

  behind (): { entries: number, bytes: number } { return { entries: 0, bytes: 0 } }

  cancel (): undefined { this.end = { kind: 'done' } }

  release (): void {}
}

/** A source that a function has promised: nothing to read until the promise is kept. */
class AwaitedFrames implements FrameSource {
  readonly #promise: Promise<unknown>
  #opened: FrameSource | undefined
  #end: SourceEnd | undefined
  #reason: Error | undefined
  readonly #isLookup: boolean

  /** @param isLookup true where the promise says whether there is a source at all */
  constructor (promise: Promise<unknown>, context: SourceContext, isLookup: boolean) {
    this.#isLookup = isLookup
    this.#promise = promise.then((held) => {
      const opened = this.#reason === undefined ? openHeld(held, context) : undefined
      this.#opened = opened
      if (this.#reason === undefined) return context.owner.wake()
      if (opened === undefined) return closeSource(held, this.#reason)
      // what it called while it was opened has ended the stream
      const stopped = opened.cancel(this.#reason)
      opened.release()
      return stopped
    }).catch((error: unknown) => {
      if (this.#reason !== undefined) throw error
      this.#end = { kind: 'failed', error }
      context.owner.wake()
    })
    // where the stream is cancelled, `cancel` has handed the promise on
    this.#promise.catch(() => {})
  }

  get end (): SourceEnd | undefined {
    return this.#end ?? this.#opened?.end
  }

  get isWaitedFor (): boolean { return this.#opened?.isWaitedFor === true }
  get isSought (): boolean { return this.#opened === undefined ? this.#isLookup && this.#end === undefined : this.#opened.isSought === true }

  read (maxBytes: number): Batch | undefined {
    return this.#opened?.read(maxBytes)
  }

  quiet (): Batch | undefined {
    return this.#opened?.quiet()
  }

  behind (): { entries: number, bytes: number } {
    return this.#opened?.behind() ?? { entries: 0, bytes: 0 }
  }

  cancel (reason: Error): Promise<void> | undefined {
    if (this.#reason !== undefined) return undefined
    this.#reason = reason
    if (this.#opened !== undefined) return this.#opened.cancel(reason)
    if (this.#end !== undefined) return undefined
    this.#end = { kind: 'done' }
    return this.#promise.then(undefined, throwUnlessAbort)
  }

  release (): void {
    this.#opened?.release()
  }
}

/** What aborts throw is expected of a source whose stream has ended. */
function throwUnlessAbort (error: unknown): void {
  if (!isAbort(error)) throw error
}

function isWebStream (value: unknown): value is ReadableStreamLike<unknown> {
  return typeof value === 'object' && value !== null && 'getReader' in value && typeof value.getReader === 'function'
}

/** By what is used of it, because streams of other copies of the stream library are no instances of Node's. */
function isReadable (value: unknown): value is Readable {
  return typeof value === 'object' && value !== null && 'pipe' in value && 'destroy' in value &&
    typeof value.pipe === 'function' && typeof value.destroy === 'function' && Symbol.asyncIterator in value
}
