/** A sound log that answers at once, and lives as long as its process. */
import { FeedEnded, LogClosed } from '../../lib/errors.ts'
import type {
  EventLog, Located, LogBeginning, LogDraft, LogGap, LogPage, Tail, TailListener
} from '../../lib/log/contract.ts'
import type { Retention } from '../../lib/log/retention.ts'
import { toEntry, type History } from './history.ts'

export class SynchronousLog implements EventLog {
  readonly retain: Partial<Retention>
  readonly #history: History
  readonly #listeners = new Set<TailListener>()
  #isClosed = false

  constructor (history: History) {
    this.#history = history
    this.retain = history.retain
  }

  tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Tail {
    const first = this.#open.newest(newest)
    const before = this.#open.positionOf((first[0]?.number ?? this.#open.head + 1) - 1)
    if (first.length > 0) listener.entries(first.map(toEntry))
    if (this.#history.isEnded) listener.ended()
    this.#listeners.add(listener)
    return { before, stop: () => { this.#listeners.delete(listener) } }
  }

  append (draft: LogDraft): string {
    if (this.#open.isEnded) throw new FeedEnded('reference')
    const { entry, isNew } = this.#history.add(draft)
    const told = { ...toEntry(entry), checkedBy: draft.checkedBy }
    if (isNew) for (const listener of this.#listeners) listener.entries([told])
    return entry.position
  }

  locate (position: string): Located { return this.#open.locate(position) }

  earliest (): LogBeginning { return this.#open.earliest() }

  page (after: string, limit: number): LogPage | LogGap { return this.#open.page(after, limit) }

  end (): void {
    if (this.#open.isEnded) return
    this.#history.isEnded = true
    for (const listener of this.#listeners) listener.ended()
  }

  delete (): void {
    this.#open.wipe()
    this.close()
  }

  close (): void {
    this.#isClosed = true
    this.#listeners.clear()
  }

  get #open (): History {
    if (this.#isClosed) throw new LogClosed('reference')
    return this.#history
  }
}
