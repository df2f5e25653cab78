/**
 * A reader whose stream gets at most one tick in so many milliseconds (`everyMs`): at each, the newest entry of every
 * key, in the order of the log. What was skipped is no gap, and waiting for a tick is no lag. It does not know how the
 * newest entries are found.
 */
import { jittered } from '../clock.ts'
import type { Deadline } from '../deadlines.ts'
import { TICK_JITTER } from '../defaults.ts'
import { nameOf, type NewestByKey } from '../feed/conflation.ts'
import type { Entry } from '../feed/entry.ts'
import { isTaken, Poison } from '../feed/poison.ts'
import type { SourceOwner } from '../wire/frame-source.ts'
import type { EntryCursor } from './cursor.ts'
import { InsertedEntries } from './inserted-entries.ts'
import type { Plan } from './plan.ts'
import { SelfEndingReader } from './self-ending-reader.ts'

/** One stream of one feed. */
export class PacedReader extends SelfEndingReader {
  readonly #everyMs: number
  #newest: NewestByKey | undefined
  /** The first index that the stream has not passed, where it is or was in the window. */
  #from: number | undefined
  /** When the next tick may come, by the clock that is never set. */
  #dueAt = -Infinity
  #deadline: Deadline | undefined
  /** An entry that the filter takes, as is known already. */
  #known: Entry | undefined

  constructor (plan: Plan, owner: SourceOwner, lastEventId: string | undefined, everyMs: number) {
    super(plan, owner, lastEventId)
    this.#everyMs = everyMs
  }

  /** It shares frames, and no batches: hardly two stand at the same place. */
  override get sharedIndex (): undefined { return undefined }

  override behind (): { entries: number, bytes: number } {
    return this.#deadline === undefined ? this.unread() : { entries: 0, bytes: 0 }
  }

  override unread (): { entries: number, bytes: number } {
    const from = this.#from
    if (from === undefined || this.cursor?.isKeyed === true) return super.unread()
    const { window } = this.feed
    return { entries: window.next - Math.max(from, window.oldest), bytes: window.bytesSince(from) }
  }

  override peek (): Entry | undefined {
    const { cursor } = this
    if (cursor === undefined || this.hasInserted || this.notice !== undefined || this.end !== undefined) return super.peek()
    const { index } = cursor
    if (index !== undefined) {
      this.#from = index
      this.#newest ??= this.feed.conflate()
    }
    const from = index ?? this.#heldFrom
    // what is read from before the window comes one by one
    if (from === undefined) this.#from = undefined
    if (from === undefined) return super.peek()
    if (from >= this.readable) return this.waitFor(cursor)
    if (!this.#isDue) return this.#waitForTick()
    return this.#tick(cursor, from, index !== undefined)
  }

  /** Waits for a tick: it may come at once. */
  override stir (): void {
    if (this.#deadline === undefined) super.stir()
    else this.feed.fanOut.wait(this)
  }

  override accept (entry: Entry | undefined, poison: Poison | undefined): void {
    this.#known = poison === undefined ? entry : undefined
    // it was asked about those before it too
    if (entry !== undefined && this.#from !== undefined) this.#from = Math.max(this.#from, poison === undefined ? entry.index : entry.index + 1)
    super.accept(entry, poison)
  }

  override release (): void {
    if (this.isReleased) return
    this.#endWait()
    if (this.#newest !== undefined) this.feed.endConflating()
    this.#newest = undefined
    super.release()
  }

  protected override get nextIndex (): number | undefined { return super.nextIndex ?? this.#heldFrom }

  /** What it has passed over for a tick is no lag. */
  protected override checkLag (cursor: EntryCursor): void {
    if (this.#from === undefined || (cursor.index === undefined && this.#heldFrom === undefined)) super.checkLag(cursor)
  }

  protected override catchUp (): void {
    if (this.filterPlace !== -1 && this.#from !== undefined) {
      this.#from = Math.max(this.#from, this.feed.fanOut.filters.standing(this).index)
    }
    super.catchUp()
  }

  /**
   * Where it stands, if the newest of each key since then are all known. With a filter they are not: that may refuse the
   * newest, and take one that has left.
   */
  get #heldFrom (): number | undefined {
    const from = this.#from
    if (from === undefined || this.#newest === undefined || this.where !== undefined) return undefined
    const { completeFrom, completeByKeyFrom } = this.#newest
    return from >= (this.cursor?.isKeyed === true ? completeByKeyFrom : completeFrom) && from >= this.feed.window.contiguousFrom ? from : undefined
  }

  /** What waits is sent before the end. */
  get #isDue (): boolean {
    return this.feed.deadlines.elapsed >= this.#dueAt || this.feed.isComplete || this.isCancelled
  }

  #waitForTick (): undefined {
    const { deadlines, fanOut } = this.feed
    // with the fan-out, which lets other work run when very many are due
    this.#deadline ??= deadlines.set(this.#dueAt - deadlines.elapsed, () => {
      this.#deadline = undefined
      this.#dueAt = -Infinity
      fanOut.wait(this)
      fanOut.notify()
    })
  }

  #endWait (): void {
    this.#deadline?.cancel()
    this.#deadline = undefined
  }

  /** @param isInWindow false where entries have left the window since it stood there */
  #tick (cursor: EntryCursor, from: number, isInWindow: boolean): Entry | undefined {
    this.#endWait()
    const poisoned = new Map<Entry, Poison>()
    const { position } = cursor
    const entries = cursor.isKeyed && isInWindow ? this.#walk(cursor, poisoned) : this.#newestSince(cursor, from, poisoned)
    this.#known = undefined
    const isAtHead = (cursor.index ?? 0) >= this.readable
    if (entries.length === 0) return isAtHead || cursor.isKeyed ? this.waitFor(cursor) : this.peek()
    // with keys it catches up in several turns
    if (isAtHead) this.#dueAt = this.feed.deadlines.elapsed + jittered(this.#everyMs, TICK_JITTER)
    this.insert(new InsertedEntries(entries, { kind: 'missed', position, poisoned }))
    return super.peek()
  }

  #newestSince (cursor: EntryCursor, from: number, poisoned: Map<Entry, Poison>): Entry[] {
    // as it is now: what a filter publishes meanwhile comes later
    const to = this.readable
    const isAll = this.where === undefined && !cursor.isKeyed && to === this.feed.window.next
    const takes = (entry: Entry): boolean => entry.index < to && cursor.isOurs(entry) && this.#takesNow(entry, poisoned)
    const entries = this.#newest?.since(from, isAll ? undefined : takes) ?? []
    cursor.skipTo(to, entries.at(-1)?.position)
    this.#from = to
    return entries
  }

  /** Of what the index of keys finds in one go. */
  #walk (cursor: EntryCursor, poisoned: Map<Entry, Poison>): Entry[] {
    const found = new Map<string, Entry>()
    for (let entry = cursor.peek(); entry !== undefined && entry.index < this.readable; entry = cursor.peek()) {
      const name = nameOf(entry)
      if (this.#takesNow(entry, poisoned)) {
        // the newest stand last
        found.delete(name)
        found.set(name, entry)
      }
      cursor.pass(entry)
    }
    this.#from = cursor.index
    return [...found.values()]
  }

  #takesNow (entry: Entry, poisoned: Map<Entry, Poison>): boolean {
    if (this.where === undefined || entry === this.#known) return true
    try {
      if (isTaken(this.where, entry, this.context)) return true
      this.feed.figures.filtered++
      return false
    } catch (error) {
      const poison = new Poison(error)
      if (poison.isFatal) throw error
      poisoned.set(entry, poison)
      return true
    }
  }
}
