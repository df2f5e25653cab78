/** The log in this process's memory, with bounds. Its history ends with the process. */
import { systemClock, type Clock } from '../clock.ts'
import { IndexedRing } from '../indexed-ring.ts'
import type { EventLog, Located, LogBeginning, LogDraft, LogGap, LogPage, Tail, TailListener } from './contract.ts'
import { MemoryHistory } from './memory-history.ts'
import { readRetention, sizeOf, type RetainOptions, type Retention } from './retention.ts'

/** A log in memory: nothing of it is ever asynchronous. */
export class MemoryLog implements EventLog {
  readonly retain: Retention
  readonly #clock: Clock
  readonly #history = new MemoryHistory()
  /** For each entry what it counts, and when it was published by the clock that is never set. Never decreases. */
  readonly #sizes = new IndexedRing<number>(1)
  readonly #moments = new IndexedRing<number>(1)
  #moment = -Infinity
  #bytes = 0

  /** @throws FST_EVENTFEED_BAD_OPTION where `retain` is not what it must be */
  constructor ({ retain, clock = systemClock }: { retain?: RetainOptions | undefined, clock?: Clock | undefined } = {}) {
    this.retain = readRetention(retain)
    this.#clock = clock
  }

  tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Tail {
    this.#trim()
    return this.#history.tail(listener, newest)
  }

  append (draft: LogDraft): string {
    this.#trim()
    const position = this.#history.append(draft)
    this.#trim()
    return position
  }

  locate (position: string): Located {
    this.#trim()
    return this.#history.locate(position)
  }

  earliest (): LogBeginning {
    this.#trim()
    return this.#history.earliest()
  }

  page (after: string, limit: number): LogPage | LogGap {
    this.#trim()
    return this.#history.page(after, limit)
  }

  end (): void {
    this.#history.end()
  }

  delete (): void {
    this.#history.delete()
  }

  close (): void {
    this.#history.close()
  }

  /**
   * Takes in what is new, and drops the oldest entries while any bound is passed. The newest stays, unless it is too
   * old.
   */
  #trim (): void {
    const history = this.#history
    for (let number = this.#sizes.next; number < history.next; number++) {
      const entry = history.at(number)
      if (entry === undefined) return
      const size = sizeOf(entry)
      this.#bytes += size
      this.#sizes.push(size)
      this.#moment = Math.max(this.#moment, this.#clock.elapsed() - Math.max(0, this.#clock.now() - entry.at))
      this.#moments.push(this.#moment)
    }
    const { entries, bytes, ageMs } = this.retain
    const before = ageMs === Infinity ? -Infinity : this.#clock.elapsed() - ageMs
    for (let size = history.next - history.oldest; size > 0; size--) {
      const isTooMuch = size > entries || (this.#bytes > bytes && size > 1) || (this.#moments.at(history.oldest) ?? 0) < before
      if (!isTooMuch) return
      this.#bytes -= this.#sizes.shift() ?? 0
      this.#moments.shift()
      history.dropOldest()
    }
  }
}
