/**
 * How a connection writes. There is one contract; where the bytes go is decided once, when the stream is committed.
 */
import type { Batch } from '../wire/batch.ts'
import type { StallOwner, StallTools } from './stall-watch.ts'

/** Whoever writes. */
export interface WriterOwner extends StallOwner {
  /** The writer is free again after it was busy. */
  onFree (): void
}

/** Writes batches to one client. */
export interface Writer {
  /** Which way the bytes go: straight to the socket, through the response, or through a stream that is piped. */
  readonly kind: 'socket' | 'response' | 'carrier'
  /**
   * True while the client has not taken what was written: then nothing more is to be written, until its owner hears
   * that it is free.
   */
  readonly isBusy: boolean
  /** Hands a batch over, at once. After `end`, `cut` or `destroy` it does nothing. */
  write (batch: Batch): void
  /** Says that nothing more comes. What was written is still delivered, and a keep-alive connection stays usable. */
  end (): void
  /**
   * Ends the stream so that every client sees a failure. What was written is delivered first, as with `end`; then the
   * line is cut, where a clean end would pass for success.
   *
   * @param hasLastWord true where the client is to hear why: it gets time to read that
   */
  cut (hasLastWord: boolean): void
  /** Cuts the line. What was not delivered is lost. */
  destroy (): void
  /** True when nothing reaches the client any more, whether or not Node has said so. */
  readonly isGone: boolean
  /**
   * Exempts the socket from the server's time-outs, which are for requests. Instead its owner hears when the client
   * takes nothing for `timeoutMs` while something waits for it, also after `end` and `cut`. Called once, before the
   * first `write`.
   */
  watch (owner: WriterOwner, timeoutMs: number, tools: StallTools): void
  /** Takes all listeners off again, and gives the socket its own time-out back. */
  release (): void
}
