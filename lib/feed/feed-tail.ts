/**
 * The listener of a feed on the tail of its log: all that streams get comes this way, whoever has published it. An
 * entry comes to stand in the window; then the index of keys, the rounds of bookmarks and those who wait at the head
 * hear that there is more. It awaits nobody.
 */
import { guardedEach } from '../guarded.ts'
import { checkEntry } from '../log/answers.ts'
import type { LogEntry } from '../log/contract.ts'
import type { Bookmarks } from './bookmarks.ts'
import type { NewestByKey } from './conflation.ts'
import { Entry, type Check } from './entry.ts'
import type { FanOut } from './fan-out.ts'
import type { FeedFigures } from './figures.ts'
import type { Follower } from './follower.ts'
import type { HeldLogListener } from './held-log.ts'
import type { KeyHistories } from './key-histories.ts'
import { KeyIndex } from './key-index.ts'
import type { Window } from './window.ts'

/** Whose log is listened to: the feed itself. */
export interface TailOwner {
  /** True for the log that a feed makes for itself: what it tells need not be checked. */
  readonly isOwnLog: boolean
  readonly window: Window
  readonly figures: FeedFigures
  readonly fanOut: FanOut
  readonly bookmarks: Bookmarks
  readonly newest: NewestByKey | undefined
  readonly histories: KeyHistories | undefined
  readonly followers: Iterable<Follower>
  /** What an entry must pass before it leaves; `undefined` where this feed has just written it. */
  checkOf (entry: LogEntry): Check | undefined
  /** The end stands in the log: no entry follows. */
  onEnded (): void
  /** Called with what failed and has nobody else to report it. Throws nothing. */
  fault (error: unknown, what: string): void
}

/** What one feed does with what its log tells. A log may call its functions in any way: they need no `this`. */
export class FeedTail implements HeldLogListener {
  readonly #owner: TailOwner
  #keys: KeyIndex | undefined
  /** True when the window has what was in the log at the beginning: entries that come from now on are new. */
  #hasOpened = false
  #isClosed = false

  constructor (owner: TailOwner) {
    this.#owner = owner
  }

  /** The index of keys. Made for the first that follows keys: a feed without such streams pays nothing. */
  get keys (): KeyIndex {
    this.#keys ??= new KeyIndex(this.#owner.window)
    return this.#keys
  }

  readonly entries = (entries: readonly LogEntry[]): void => {
    if (this.#isClosed) return
    const owner = this.#owner
    const { isOwnLog, window, figures } = owner
    try {
      for (const entry of entries) {
        if (!isOwnLog) checkEntry('tail()', entry)
        window.push(new Entry(entry, window.next, owner.checkOf(entry)))
      }
    } catch (error) {
      owner.fault(error, 'its log has told what is no entry: streams read on by pages')
      this.lost(window.positionBefore(window.next))
    }
    // what was there when the log was opened is not new
    if (!this.#hasOpened) return
    figures.published += entries.length
    this.#advance()
  }

  readonly lost = (position: string): void => {
    if (this.#isClosed) return
    const owner = this.#owner
    const { followers, window } = owner
    guardedEach(followers, (reader) => { reader.lose() }, (error) => { owner.fault(error, 'a stream of it could not be woken') })
    window.lose(position)
    if (this.#hasOpened) this.#advance()
  }

  readonly ended = (): void => {
    if (!this.#isClosed) this.#owner.onEnded()
  }

  /** The log has opened, and has told its newest entries. @param before the position before the oldest of them */
  open (before: string): void {
    const { window, newest, histories, bookmarks } = this.#owner
    window.learnBefore(before)
    this.#hasOpened = true
    newest?.advance()
    histories?.advance()
    this.#keys?.advance()
    bookmarks.open()
  }

  /** The log could not be opened: what it has told does not count. */
  failed (): void {
    this.#owner.window.lose('')
  }

  /** The feed has given up its log: what that still tells is not heard. */
  close (): void {
    this.#isClosed = true
  }

  #advance (): void {
    const { newest, histories, bookmarks, fanOut } = this.#owner
    newest?.advance()
    histories?.advance()
    this.#keys?.advance()
    bookmarks.advance()
    fanOut.notify()
  }
}
