/**
 * How a connection writes. There is one contract; where the bytes go is decided once, when the stream is committed.
 */
import type { Batch } from '../wire/batch.ts'

/** Writes batches to one client. */
export interface Writer {
  /** Which way the bytes go: straight to the socket, through the response, or through a stream that is piped. */
  readonly kind: 'socket' | 'response' | 'carrier'
  /** True while the client has not taken what was written: then nothing more is to be written, until `onFree` is called. */
  readonly isBusy: boolean
  /** Called each time the writer is free again after it was busy. One owner sets it. */
  onFree: () => void
  /** Called when the socket has taken nothing for the time that was given to `watch`. */
  onStalled: () => void
  /** Hands a batch over, at once. After `end` or `destroy` it does nothing. */
  write (batch: Batch): void
  /** Says that nothing more comes. What was written is still delivered, and a keep-alive connection stays usable. */
  end (): void
  /** Cuts the line. What was not delivered is lost. */
  destroy (): void
  /**
   * Exempts the socket from the server's time-outs, which are for requests. Instead `onStalled` is called where the socket makes
   * no progress for `timeoutMs` while the writer is busy, or after `end`. Called once, before the first `write`.
   */
  watch (timeoutMs: number): void
  /** Takes all listeners off again, and gives the socket its own time-out back. */
  release (): void
}
