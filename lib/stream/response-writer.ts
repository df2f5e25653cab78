/**
 * A writer through the response's ordinary stream: for HTTP/1.0, which has no chunks, and wherever bytes wait in the
 * response.
 */
import type { ServerResponse } from 'node:http'
import type { Batch } from '../wire/batch.ts'
import { WriterBase } from './writer-base.ts'

/** Writes into the response itself. */
export class ResponseWriter extends WriterBase {
  readonly kind = 'response'
  #isBusy = false

  constructor (response: ServerResponse) {
    super(response)
    response.on('drain', this.#free)
  }

  get isBusy (): boolean {
    return this.#isBusy
  }

  protected put (batch: Batch): void {
    if (this.hasEnded || batch.length === 0 || this.response.write(batch.bytes)) return
    this.#isBusy = true
    this.count(true)
  }

  protected finish (): void {
    // a response that ends while a hook has corked it says so before its last bytes, from Node 22 on
    while (this.response.writableCorked > 0) this.response.uncork()
    this.response.end()
    this.count(!this.response.writableFinished)
  }

  protected finishCut (): void {
    this.cutResponse()
  }

  override release (): void {
    this.response.off('drain', this.#free)
    super.release()
  }

  readonly #free = (): void => {
    this.#isBusy = false
    if (!this.hasEnded) this.count(false)
    this.owner?.onFree()
  }
}
