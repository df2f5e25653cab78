/**
 * Who takes events: listeners at once, and loops at their own pace. Each loop gets every event from its first `next`
 * on. Reading stops until all loops have taken what is there, so that a slow one costs no memory.
 */

/** Takes one event of a type. What it throws is reported as an uncaught error, and hurts nobody else. */
export type Listener<Event> = (event: Event) => void

/** A listener, until it is taken back. */
interface Taker<Event> { readonly listener: Listener<Event>, isOff: boolean }

/** The takers of one feed. */
export class Deliveries<Event extends { readonly event: string }> {
  /** The arrays are never changed: listeners come and go while an event is on its way through them. */
  readonly #listeners = new Map<string, ReadonlyArray<Taker<Event>>>()
  readonly #loops = new Set<Loop<Event>>()
  readonly #onLastLoopLeft: () => void
  #whenDrained: (() => void) | undefined
  #end: LoopEnd | undefined

  /** @param onLastLoopLeft the last loop was left, and there is no listener */
  constructor (onLastLoopLeft: () => void) {
    this.#onLastLoopLeft = onLastLoopLeft
  }

  on (name: string, listener: Listener<Event>): () => void {
    // each call is a taker of its own, as its own return value takes it back
    const taker = { listener, isOff: false }
    this.#listeners.set(name, [...this.#listeners.get(name) ?? [], taker])
    return () => {
      taker.isOff = true
      const rest = (this.#listeners.get(name) ?? []).filter((other) => other !== taker)
      if (rest.length === 0) this.#listeners.delete(name)
      else this.#listeners.set(name, rest)
    }
  }

  loop (onFirst: () => void): AsyncIterableIterator<Event> {
    return new Loop<Event>({
      begin: (loop) => {
        if (this.#end !== undefined) return this.#end
        this.#loops.add(loop)
        onFirst()
        return this.#end
      },
      taken: () => { this.#drain() },
      left: (loop) => {
        if (!this.#loops.delete(loop)) return
        this.#drain()
        if (this.#loops.size === 0 && this.#listeners.size === 0) this.#onLastLoopLeft()
      }
    })
  }

  push (event: Event): void {
    for (const taker of this.#listeners.get(event.event) ?? NONE) {
      if (!taker.isOff && this.#end === undefined) guard(taker.listener, event)
    }
    for (const loop of this.#loops) loop.push(event)
  }

  /** `undefined` where all loops have taken what is there; else a promise of that. */
  drained (): Promise<void> | undefined {
    if (this.#isDrained()) return undefined
    return new Promise((resolve) => { this.#whenDrained = resolve })
  }

  /** Loops end when they have taken what is there, or fail then; those that begin later do so at once. */
  end (end: LoopEnd): void {
    this.#end = end
    for (const loop of this.#loops) loop.end(end)
    this.#loops.clear()
    this.#listeners.clear()
  }

  #isDrained (): boolean {
    for (const loop of this.#loops) if (loop.isBehind) return false
    return true
  }

  #drain (): void {
    if (this.#whenDrained === undefined || !this.#isDrained()) return
    this.#whenDrained()
    this.#whenDrained = undefined
  }
}

const NONE: readonly never[] = []

/** Calls a function of the caller's, whose errors are its own. */
export function guard<Value> (run: (value: Value) => void, value: Value): void {
  try {
    run(value)
  } catch (error) {
    // as an EventTarget does it: the error is uncaught, and whoever comes next is called
    queueMicrotask(() => { throw error })
  }
}

/** How a loop ends. */
export interface LoopEnd { readonly hasFailed: boolean, readonly error?: unknown }

interface LoopHost<Event> {
  /** The first `next`. Returns how the feed has ended, if it has. */
  begin (loop: Loop<Event>): LoopEnd | undefined
  taken (): void
  left (loop: Loop<Event>): void
}

interface Waiter<Event> { resolve (result: IteratorResult<Event>): void, reject (error: unknown): void }

class Loop<Event> implements AsyncIterableIterator<Event> {
  readonly #host: LoopHost<Event>
  #hasBegun = false
  #events: Event[] = []
  #taken = 0
  #waiting: Array<Waiter<Event>> = []
  #end: LoopEnd | undefined

  constructor (host: LoopHost<Event>) {
    this.#host = host
  }

  get isBehind (): boolean { return this.#taken < this.#events.length }

  [Symbol.asyncIterator] (): this { return this }

  push (event: Event): void {
    const waiter = this.#waiting.shift()
    if (waiter === undefined) this.#events.push(event)
    else waiter.resolve({ value: event, done: false })
  }

  end (end: LoopEnd): void {
    this.#end = end
    // one learns of the failure; for all others the loop is over
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (this.#end.hasFailed) {
        reject(this.#end.error)
        this.#end = { hasFailed: false }
      } else resolve({ value: undefined, done: true })
    }
  }

  next (): Promise<IteratorResult<Event>> {
    if (!this.#hasBegun) {
      this.#hasBegun = true
      this.#end ??= this.#host.begin(this)
    }
    const event = this.#events[this.#taken]
    if (event !== undefined) {
      if (++this.#taken === this.#events.length) {
        this.#events = []
        this.#taken = 0
        this.#host.taken()
      }
      return Promise.resolve({ value: event, done: false })
    }
    const end = this.#end
    if (end === undefined) return new Promise((resolve, reject) => { this.#waiting.push({ resolve, reject }) })
    this.#end = { hasFailed: false }
    return end.hasFailed ? Promise.reject(end.error) : Promise.resolve({ value: undefined, done: true })
  }

  return (): Promise<IteratorResult<Event>> {
    this.#hasBegun = true
    this.#events = []
    this.#taken = 0
    this.end({ hasFailed: false })
    this.#host.left(this)
    return Promise.resolve({ value: undefined, done: true })
  }
}
