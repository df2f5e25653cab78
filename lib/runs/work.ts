/**
 * The work of a run: its source, read to the end, whoever listens. It takes what the source yields while it stops, too.
 * It does not know what becomes of the values.
 */
import { RUN_EVENTS_IN_A_ROW } from '../defaults.ts'
import { asError, isAbort } from '../errors.ts'
import { heard } from '../guarded.ts'
import type { Origin } from '../stream/iterable-frames.ts'
import { closeSource } from '../stream/source.ts'
import { isThenable } from '../thenable.ts'
import { originOfValues, type RunArguments } from './source-values.ts'

/** What a source yields goes here. Throws, or rejects, what is to end the run; a promise is awaited. */
export type Take = (value: unknown) => Promise<unknown> | undefined

/** One source, read once. */
export class Work {
  readonly #take: Take
  #origin: Origin | undefined
  /** Why it reads no more: it was stopped, or a value was refused. */
  #reason: Error | undefined
  #isStopped = false
  #isAbandoned = false
  /** True while the iterator is asked: one that is running can neither be asked again nor stopped. */
  #isAsking = false
  /** What `return()` has answered, or will. */
  #returned: Promise<IteratorResult<unknown> | undefined> | undefined

  constructor (take: Take) {
    this.#take = take
  }

  /**
   * Reads the source to its end, and answers what it returns. Rejects with what it fails with; where it was stopped,
   * with what its clean-up fails with. Settles when its `finally` has run, unless a value of it was refused: then at
   * once.
   */
  async run (source: unknown, given: RunArguments): Promise<unknown> {
    try {
      if (this.#reason !== undefined) return await closeSource(source, this.#reason)
      const held: unknown = typeof source === 'function' ? await source(given) : await source
      if (this.#reason !== undefined) return await closeSource(held, this.#reason)
      this.#origin = opened(held)
      return await this.#read(this.#origin.iterator)
    } catch (error) {
      // a stream that fails while it is read is not always closed by that
      if (this.#returned === undefined) heard(this.#origin?.interrupt?.(asError(error, 'the source of a run failed')))
      // what aborts throw is expected of a source that was stopped, and so is whatever a stream says that was destroyed
      if (!this.#isStopped || (this.#origin?.interrupt === undefined && !isAbort(error))) throw error
      // its finally may still run
      const result = await this.#returned?.catch((later: unknown) => { if (this.#origin?.interrupt === undefined) throw later })
      return result?.value
    }
  }

  /** Stops the source: what waits for its signal was told already. A second call does nothing. */
  stop (reason: Error): void {
    this.#isStopped = true
    if (this.#reason !== undefined) return
    this.#reason = reason
    if (!this.#isAsking) this.#return(reason)
  }

  /** The run has ended without it: what it still says is not asked for. */
  abandon (): void {
    this.#isAbandoned = true
  }

  async #read (iterator: Origin['iterator']): Promise<unknown> {
    for (let inARow = 1; ; inARow++) {
      const result = await this.#next(iterator)
      if (this.#isDone(result)) {
        await this.#returned
        return result.value
      }
      const taking = this.#accept(result)
      if (taking !== undefined) await taking
      if (this.#reason !== undefined) return await this.#finish(iterator)
      if (inARow % RUN_EVENTS_IN_A_ROW === 0) await otherWork()
    }
  }

  /** Stopped: what it yields in its `finally` is part of the run. */
  async #finish (iterator: Origin['iterator']): Promise<unknown> {
    let result = await this.#returned
    for (let inARow = 1; result !== undefined && !this.#isDone(result) && !this.#isAbandoned; inARow++) {
      await this.#accept(result)
      result = await this.#next(iterator)
      if (inARow % RUN_EVENTS_IN_A_ROW === 0) await otherWork()
    }
    return result?.value
  }

  /** Of a result that throws when it is looked at, nobody knows whether it is the last: its iterator is let go of. */
  #isDone (result: IteratorResult<unknown>): boolean {
    try {
      return result.done === true
    } catch (error) {
      return this.#refuse(error)
    }
  }

  /** A promise only where there is one to wait for. */
  #accept (result: IteratorResult<unknown>): Promise<unknown> | undefined {
    try {
      const { value } = result
      const taken = isThenable(value) ? Promise.resolve(value).then(this.#take) : this.#take(value)
      return taken?.catch((error: unknown) => this.#refuse(error))
    } catch (error) {
      return this.#refuse(error)
    }
  }

  /** What it has yielded was refused: it is stopped, and not awaited, because those who follow are to learn of it. */
  #refuse (error: unknown): never {
    this.#reason ??= asError(error, 'the source of a run failed')
    if (!this.#isAsking) this.#return(this.#reason)
    throw error
  }

  #next (iterator: Origin['iterator']): IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>> {
    this.#isAsking = true
    try {
      return iterator.next()
    } finally {
      this.#isAsking = false
      if (this.#reason !== undefined) this.#return(this.#reason)
    }
  }

  #return (reason: Error): void {
    const origin = this.#origin
    if (origin === undefined || this.#returned !== undefined) return
    this.#returned = returned(origin, reason)
    // whoever awaits the run hears of it
    this.#returned.catch(() => {})
  }
}

/** Opens a source. One that cannot be opened is closed: it may hold something all the same. */
function opened (source: unknown): Origin {
  try {
    return originOfValues(source)
  } catch (error) {
    closeSource(source, asError(error, 'the source of a run could not be opened'))?.catch(() => {})
    throw error
  }
}

/** Is fulfilled when other work has run. */
async function otherWork (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}

async function returned ({ iterator, interrupt }: Origin, reason: Error): Promise<IteratorResult<unknown> | undefined> {
  const interrupted = heard(interrupt?.(reason))
  const result = await iterator.return?.()
  await interrupted
  return result
}
