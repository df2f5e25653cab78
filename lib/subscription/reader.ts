/**
 * What one stream of a feed reads next: its opening, a snapshot, entries, a gap, its end. It does not know what is
 * made of them: `cursor-frames` makes bytes, `iteration` values.
 */
import { SCAN_ENTRIES } from '../defaults.ts'
import { countGap } from '../feed/diagnostics.ts'
import type { Entry } from '../feed/entry.ts'
import { failAlone, wakeAlone } from '../feed/filters.ts'
import type { Follower } from '../feed/follower.ts'
import { askedWith, type Notice } from '../feed/notice.ts'
import { gapOfPoison, isTaken, Poison } from '../feed/poison.ts'
import { inContext } from '../own-context.ts'
import type { SourceOwner } from '../wire/frame-source.ts'
import type { EntryCursor } from './cursor.ts'
import { EndingReader } from './ending-reader.ts'
import { InsertedEntries, type EntryList } from './inserted-entries.ts'
import { JoinedKeys } from './joined-keys.ts'
import type { Opening } from './opening.ts'
import { pastOf } from './past-entries.ts'
import type { Plan } from './plan.ts'
import { fallBehind, isBehindLimits, lagged } from './slow-consumer.ts'
import type { TakenSnapshot } from './taken-snapshot.ts'

/** One stream of one feed. */
export class Reader extends EndingReader implements Follower {
  rosterPlace = -1
  readonly #plan: Plan
  #notice: Notice | undefined
  #inserted: InsertedEntries | undefined
  #accepted: Entry | undefined
  #endsAt: number | undefined
  /** True when the stream was once caught up: what it had to read before that is replay, and no sign of slowness. */
  #isLive = false
  /** How many entries were looked at since the stream last let other work run. */
  #looked = 0
  /** The keys that were followed with some of their past; `undefined` until one was. */
  #joined: JoinedKeys | undefined

  constructor (plan: Plan, owner: SourceOwner) {
    super(plan, owner)
    this.#plan = plan
  }

  /**
   * Begins; where the opening is a promise, when it is kept.
   *
   * @param isFirst true where a snapshot may come first, because the client comes for the first time
   */
  begin (opening: Opening | Promise<Opening>, isFirst: boolean): void {
    if (!(opening instanceof Promise)) return this.#open(opening, isFirst)
    this.#later(opening, (found) => { if (!this.isReleased) this.#open(found, isFirst) })
  }

  /** True when it is known where the stream begins. */
  get isPlaced (): boolean { return this.cursor !== undefined || this.end !== undefined }
  /** True while the next entries carry no id: those of a snapshot, or of the past of some keys. */
  get isSnapshot (): boolean { return this.#inserted?.isWithoutIds === true }

  /** What the client should come back with: its position; while a gap is not told yet, what it asked with. */
  get position (): string | undefined {
    if (this.#notice?.gap !== undefined) return askedWith(this.#notice.gap)
    this.catchUp()
    return this.#inserted === undefined ? this.cursor?.position : this.#inserted.position
  }

  /** What is to be told before any entry. */
  get notice (): Notice | undefined { return this.#notice }

  /** Comes first, each time that is read: the stream waits no more, and ends, or has a notice, where it is too slow. */
  look (): Notice | undefined {
    this.stopWaiting()
    if (this.#notice === undefined && this.#inserted === undefined && this.cursor !== undefined && this.end === undefined) this.checkLag(this.cursor)
    return this.#notice
  }

  /** The notice was told. */
  told (): void {
    if (this.#notice?.gap !== undefined) countGap(this.feed, this.#notice.gap)
    this.#notice = undefined
  }

  /** The index of the next entry, where it is in the window and none is left out; `undefined` elsewhere. */
  get sharedIndex (): number | undefined {
    return this.where !== undefined || this.#inserted !== undefined || this.cursor?.isKeyed === true ? undefined : this.cursor?.index
  }

  /** The index up to which the stream may read, exclusive. */
  get readable (): number { return this.#endsAt ?? this.feed.window.next }
  /** Passes all up to an index, exclusive; `passed` is the position of the last of them that was given. */
  skipTo (index: number, passed?: string): void { this.cursor?.skipTo(index, passed) }

  /**
   * The next entry that the stream takes. Where there is none, a notice or the end has come, or `wake` will be
   * called. Throws what is to end the stream.
   */
  peek (): Entry | undefined {
    if (this.#inserted !== undefined) return this.#peekInserted(this.#inserted)
    const cursor = this.cursor
    if (cursor === undefined || this.#notice !== undefined || this.end !== undefined) return undefined
    if (this.#joined?.isDue === true && this.#endsAt === undefined) return this.#peekJoined(this.#joined, cursor)
    while (this.#looked < SCAN_ENTRIES) {
      const entry = this.#endsAt === undefined || (cursor.index ?? 0) < this.#endsAt ? cursor.peek() : undefined
      if (entry === undefined) return this.waitFor(cursor)
      if (entry === this.#accepted) return entry
      this.#looked++
      if (this.#takes(entry)) {
        this.#accepted = entry
        return entry
      }
      // what is poisoned is passed already
      if (this.#notice !== undefined) return undefined
      cursor.pass(entry)
    }
    // other work runs now, even where the socket would take all at once
    if (this.#looked++ === SCAN_ENTRIES) setImmediate(() => { this.#looked = 0; wakeAlone(this, this.feed.report) })
    return undefined
  }

  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void {
    this.#accepted = undefined
    if (this.#inserted === undefined) this.cursor?.pass(entry)
    else this.#inserted.pass(entry)
  }

  /** All is read: waits at the head, or ends. */
  waitAtHead (): void {
    const { feed } = this
    this.#isLive = true
    if (feed.isComplete || this.#endsAt !== undefined) this.end ??= feed.lastWord
    else this.wait()
  }

  accept (entry: Entry | undefined, poison: Poison | undefined): void {
    this.stopWaiting()
    // it was asked about those before it too
    if (entry !== undefined) this.cursor?.skipTo(entry.index)
    if (entry === undefined || poison === undefined) this.#accepted = entry
    else if (this.#plan.leavesOut(entry)) this.pass(entry)
    else this.passPoison(entry, poison, this.#plan.where)
    this.wake()
  }

  /** Passes an entry that `by` has thrown at (`undefined`: reported). Throws it where the stream is to end. */
  passPoison (entry: Entry, poison: Poison, by: object | undefined): undefined {
    if (this.#inserted?.kind === 'snapshot' || poison.isFatal) throw poison.error
    // the id of a gap would take the client to an entry that is given out of turn
    if (!this.isSnapshot) this.#notice = { gap: gapOfPoison(this.position ?? entry.position), position: entry.position }
    this.pass(entry)
    if (by !== undefined) this.feed.poison.add(by, entry, poison)
  }

  /** Nothing new is wanted. What is in the log by now can still be read. */
  cancel (): void {
    this.#endsAt ??= this.feed.window.next
    this.stopWaiting()
    const index = this.nextIndex
    // a snapshot that is still awaited is not ready
    const hasMore = this.#notice !== undefined || (this.#inserted !== undefined && !this.#inserted.isPending)
    // from before the window only an asynchronous read could bring the rest
    if (index === undefined || (index >= this.#endsAt && !hasMore)) this.end ??= { kind: 'done' }
  }

  override release (): void {
    if (this.isReleased) return
    super.release()
    this.#inserted?.release()
    this.#inserted = undefined
    this.feed.leave(this)
    this.#plan.leave(this)
  }

  /** A key was followed, and its newest entries before an index are to come first. */
  join (key: string, last: number, before: number): void {
    this.#joined ??= new JoinedKeys()
    this.#joined.add(key, last, before)
    this.stir()
  }

  /** A key is not followed any more. */
  part (key: string): void { this.#joined?.remove(key) }

  #open (opening: Opening, isFirst: boolean): void {
    this.cursor = this.#plan.cursorAt(opening, this)
    const notice = { gap: opening.gap, position: opening.before }
    // where nobody knows the head, nothing is held
    const before = opening.start.kind === 'window' ? opening.start.index : 0
    if (opening.lastPerKey !== undefined) this.#beginWithPast(opening.lastPerKey, before, notice)
    else if (isFirst || notice.gap !== undefined) this.#goOn(notice)
    else this.#notice = notice
  }

  /** Goes on with a notice; where there is a snapshot for it, with that in its place. */
  #goOn (notice: Notice): void {
    const snapshot = this.#plan.snapshot(notice.gap, this.context)
    if (snapshot === undefined) this.#notice = notice
    if (snapshot === undefined) return
    const position = notice.gap && askedWith(notice.gap)
    // nothing is read until the snapshot is known
    this.#inserted = new InsertedEntries([], { kind: 'snapshot', position, isPending: true })
    const use = ({ held, opening }: TakenSnapshot): void => {
      if (this.isReleased) return held?.release()
      if (held === undefined) this.end ??= lagged(this.feed, this.behind())
      if (held === undefined) return
      this.cursor?.restartAfterSnapshot(opening.start, opening.before)
      // what comes after it is replay: one that is older than the limits would be followed by another, without end
      this.#isLive = false
      this.#inserted = new InsertedEntries(held.entries, { kind: 'snapshot', position, held, nextNotice: { gap: opening.gap, position: opening.before } })
      if (notice.gap !== undefined) countGap(this.feed, notice.gap)
    }
    if (snapshot instanceof Promise) this.#later(snapshot, use)
    else use(snapshot)
  }

  /** The newest entries of each key come first; a client that is cut among them has no position, and starts over. */
  #beginWithPast (count: number, before: number, nextNotice: Notice): void {
    this.#inserted = new InsertedEntries([], { kind: 'past', position: undefined, isPending: true })
    if (this.#plan.isKeyed) {
      this.#joined ??= new JoinedKeys()
      this.#joined.beganWith(count, before)
    }
    const wanted = { keys: this.#plan.keys, count, before, takes: this.#plan.takesPast(this.context) }
    const found = pastOf(this.feed, wanted, () => !this.isReleased)
    const use = (entries: EntryList): void => { if (!this.isReleased) this.insert(new InsertedEntries(entries, { kind: 'past', position: undefined, nextNotice })) }
    if (found instanceof Promise) this.#later(found, use)
    else use(found)
  }

  #peekJoined (joined: JoinedKeys, cursor: EntryCursor): Entry | undefined {
    const entries = joined.take(this.feed, this.#plan.takesPast(this.context), cursor)
    this.#accepted = undefined
    this.#inserted = new InsertedEntries(entries, { kind: 'past', position: cursor.position })
    return this.peek()
  }

  #peekInserted (inserted: InsertedEntries): Entry | undefined {
    // the filter was asked about the entries of a conflation when they were chosen, but keys may have changed since then
    const isOurs = (listed: Entry): boolean => this.cursor?.isOurs(listed) === true && !this.#plan.leavesOut(listed)
    const isTaken = (listed: Entry): boolean => this.#plan.hasKey(listed) && (inserted.kind === 'past' || this.#takes(listed))
    const entry = inserted.peek(inserted.isWithoutIds ? isTaken : isOurs)
    const poison = entry && inserted.poisoned?.get(entry)
    if (entry !== undefined && poison !== undefined) return this.passPoison(entry, poison, this.#plan.where)
    if (entry !== undefined || inserted.isPending) return entry
    inserted.release()
    this.#inserted = undefined
    this.#notice = inserted.nextNotice
    return inserted.nextNotice === undefined ? this.peek() : undefined
  }

  /** Of an entry whose key is followed, where that matters. One that is poisoned is not taken, and is passed. */
  #takes (entry: Entry): boolean {
    try {
      if (this.where === undefined || isTaken(this.where, entry, this.context)) return true
      this.feed.figures.filtered++
    } catch (error) {
      // an entry of another type that cannot be read is none that the stream misses
      if (!this.#plan.leavesOut(entry)) this.passPoison(entry, new Poison(error), this.#plan.where)
    }
    return false
  }

  /** True while entries come before those at the cursor. */
  protected get hasInserted (): boolean { return this.#inserted !== undefined || this.#joined?.isDue === true }
  protected get isCancelled (): boolean { return this.#endsAt !== undefined }
  /** The index of the next entry, where it can be read at once. */
  protected get nextIndex (): number | undefined { return this.cursor?.index }

  /** Gives entries before those at the cursor. */
  protected insert (entries: InsertedEntries): void { this.#inserted = entries }

  /** The cursor gives nothing now: waits for what comes next, or falls behind. */
  protected waitFor (cursor: EntryCursor): undefined {
    const { report } = this.feed
    if (cursor.gap !== undefined) this.#fallBehind(cursor, cursor.gap)
    else if (!cursor.load(() => { wakeAlone(this, report) }, (error) => { failAlone(this, error, report) })) this.waitAtHead()
  }

  /** Falls behind where it is too slow. */
  protected checkLag (cursor: EntryCursor): void {
    const { index, gap } = cursor
    const isTooSlow = index === undefined ? gap !== undefined : this.#isLive && isBehindLimits(this.feed, index)
    if (isTooSlow) this.#fallBehind(cursor, gap)
  }

  #fallBehind (cursor: EntryCursor, gap: EntryCursor['gap']): void {
    const continuation = fallBehind(this.feed, cursor, gap, this.where && inContext(this.where, this.context), this.behind())
    this.#accepted = undefined
    if (continuation === undefined) this.end = { kind: 'lagged' }
    else if (continuation.missed === undefined) this.#goOn(continuation)
    else {
      const { position, missed, poisoned } = continuation
      this.#notice = { gap: continuation.gap, position }
      this.#inserted = new InsertedEntries(missed, { kind: 'missed', position, poisoned })
    }
  }

  #later<Value> (promise: Promise<Value>, use: (value: Value) => void): void {
    promise.then(use).then(() => { wakeAlone(this, this.feed.report) }, (error: unknown) => { failAlone(this, error, this.feed.report) })
  }
}
