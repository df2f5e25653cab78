/**
 * A source, as its connection holds it. A source calls an application's functions while it is read, and those may end
 * the stream: then the source is let go of when it has answered, and what it gave by then is not lost.
 */
import { BATCH_BYTES } from '../defaults.ts'
import type { Batch } from '../wire/batch.ts'
import type { FrameSource, SourceEnd } from '../wire/frame-source.ts'
import { joined } from './connection-batches.ts'

/** The source of one stream; none before `hold`, and none after `release`. */
export class HeldSource {
  #source: FrameSource | undefined
  #abort: AbortController | undefined
  #reason: Error | undefined
  #isReading = false
  /** What waits for the end of a read. */
  #due: (() => void) | undefined

  /** Aborted by `cancel`. Made when somebody asks: the streams of a feed need none. */
  get signal (): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#reason !== undefined) this.#abort.abort(this.#reason)
    }
    return this.#abort.signal
  }

  get isHeld (): boolean { return this.#source !== undefined }

  /** As `FrameSource.end`. */
  get end (): SourceEnd | undefined { return this.#source?.end }

  /** As `FrameSource.isWaitedFor`. */
  get isWaitedFor (): boolean { return this.#source?.isWaitedFor === true }
  /** As `FrameSource.isSought`. */
  get isSought (): boolean { return this.#source?.isSought === true }

  /** From now on it is this one. */
  hold (source: FrameSource): void {
    this.#source = source
  }

  /** Reads one batch. Gives nothing when it is called from within. */
  read (): Batch | undefined {
    return this.#guarded(this.#source, false)
  }

  /**
   * The same at the beginning. Of a run, what is no event comes with what follows it, if `isWhole`: then no event means
   * that there is none now.
   */
  readFirst (isWhole: boolean): Batch | undefined {
    let first = this.read()
    if (!isWhole) return first
    while (first?.events === 0 && this.isWaitedFor) {
      const next = this.read()
      if (next === undefined) break
      first = joined(first, next)
    }
    return first
  }

  /** As `FrameSource.quiet`. Gives nothing when it is called from within. */
  quiet (): Batch | undefined {
    return this.#guarded(this.#source, true)
  }

  #guarded (source: FrameSource | undefined, isQuiet: boolean): Batch | undefined {
    if (this.#isReading || source === undefined) return undefined
    this.#isReading = true
    try {
      return isQuiet ? source.quiet() : source.read(BATCH_BYTES)
    } finally {
      this.#isReading = false
      const due = this.#due
      if (due !== undefined) {
        this.#due = undefined
        due()
      }
    }
  }

  /** True while the source is read: then `run` is called when it has answered, and only that of the last such call. */
  defers (run: () => void): boolean {
    if (this.#isReading) this.#due = run
    return this.#isReading
  }

  /**
   * Aborts the signal first, so that whoever waits on it stops waiting before the generator is asked to return. While
   * the source is read, the rest follows when it has answered.
   *
   * @param stillRunning called where the source has not stopped by then, with a promise that is fulfilled when it has
   */
  cancel (reason: Error, stillRunning: (stopped: Promise<void>) => void): void {
    this.#reason ??= reason
    this.#abort?.abort(reason)
    if (this.defers(() => { this.cancel(reason, stillRunning) })) return
    const stopped = this.#source?.cancel(reason)
    if (stopped !== undefined) stillRunning(stopped)
  }

  /** Nothing will be read any more. */
  release (): void {
    const source = this.#source
    this.#source = undefined
    source?.release()
  }
}
