/**
 * What makes a feed of a log: it is opened, published in, ended, closed and deleted, and its parts stand here. What the
 * log tells goes through `feed-tail`. It awaits nobody who reads, and does not know how they do.
 */
import { FeedEnded, shown } from '../errors.ts'
import { guardedEach } from '../guarded.ts'
import type { LogDraft } from '../log/contract.ts'
import { sizeOf } from '../log/retention.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import { Ending, readKeepMs, type EndOptions } from './ending.ts'
import { FeedHoldings } from './feed-holdings.ts'
import type { FeedParts } from './feed-parts.ts'
import { FeedTail, type TailOwner } from './feed-tail.ts'
import { lagsOf, statsOf, type FeedStats, type Lag } from './figures.ts'
import type { Follower } from './follower.ts'
import { HeldLog, type LogOwner } from './held-log.ts'
import type { KeyIndex } from './key-index.ts'
import type { CheckedPublication, Publication } from './publication.ts'

/** A feed over a log, without its streams. */
export class FeedCore extends FeedHoldings implements LogOwner, TailOwner {
  readonly #held: HeldLog
  readonly #tail: FeedTail
  readonly #ending = new Ending()
  #isClosing = false
  #isFreed = false
  #isDeleted = false
  /** Settles when the log is given up. */
  #freeing: Promise<void> | undefined

  /** `open` comes next. Throws `FST_EVENTFEED_BAD_OPTION` where `retain` is not what it must be. */
  constructor (parts: FeedParts) {
    super(parts)
    this.#tail = new FeedTail(this)
    this.#held = new HeldLog(this, this.#tail)
  }

  get keys (): KeyIndex { return this.#tail.keys }

  /** True for the output of a run. */
  get isOutput (): boolean { return this.parts.output !== undefined }

  get hasEnded (): boolean { return this.#ending.hasBegun }

  /** How streams end that have read all there is. */
  get lastWord (): SourceEnd { return this.#ending.word ?? this.parts.output?.lastWord() ?? { kind: 'done' } }

  /**
   * True when no entry will come any more: `publish` may have been called before `end`, and the log not be done with
   * it.
   */
  get isComplete (): boolean { return this.#isClosing || (this.#ending.isKnown && this.#held.isIdle) }

  /** True after the log was given up. */
  get isFreed (): boolean { return this.#isFreed }

  /** True after the history was deleted, if there was one: who has not read it misses it. */
  get hasLostHistory (): boolean { return this.#isDeleted && (this.window.next > 1 || this.parts.log !== undefined) }

  /** True until the log has opened. */
  get isOpening (): boolean { return !this.#held.isOpen && !this.#held.isClosed }

  /** Opens the log. Throws what the log throws; if it rejects, so do `ready` and the calls that wait. */
  open (): void {
    this.#held.open()
  }

  /** Waits until the log has opened. Rejects where it could not be. */
  async ready (): Promise<void> {
    await this.#held.ready()
  }

  /**
   * Answers what `use` gives when the log has opened; those who wait come in the order in which they asked. Rejects
   * with `FST_EVENTFEED_LOG_FAILED` where the log could not be opened.
   */
  opened<Value> (use: () => Value | Promise<Value>): Promise<Value> {
    return this.#held.opened(use)
  }

  publish (event: Publication<Record<string, unknown>>): string | Promise<string> {
    this.#checkTaking()
    return this.#append(this.drafts.of(event, this.at))
  }

  /** As `publish`, of what is checked but for its data: a run has looked at what its source yields. */
  publishChecked (event: CheckedPublication): string | Promise<string> {
    this.#checkTaking()
    return this.#append(this.drafts.ofChecked(event, this.at))
  }

  end (options?: EndOptions): void {
    const keepMs = readKeepMs('end', options)
    if (!this.hasEnded && !this.#isClosing) this.#end(keepMs)
  }

  fail (error: unknown, options?: EndOptions): void {
    const keepMs = readKeepMs('fail', options)
    if (this.hasEnded || this.#isClosing) return this.fault(error, 'it was to fail, but had ended already')
    this.#ending.fails(this.name, error)
    this.#end(keepMs)
    this.fault(error, 'it has failed')
  }

  /** How many streams and loops read it. */
  get readers (): number { return this.followers.size }
  stats (): FeedStats {
    return statsOf(this, this.readers, this.figures, this.lags())
  }

  /** How far its streams and loops are behind. */
  lags (): Lag[] {
    return lagsOf(this.followers, (error) => { this.parts.onFault(error, 'how far a stream of it is behind is not known') })
  }

  /** A reader has begun. */
  enter (reader: Follower): void {
    this.followers.add(reader)
  }

  /** ... and will not read any more. */
  leave (reader: Follower): void {
    this.followers.delete(reader)
    if (this.hasEnded && this.parts.output === undefined) this.#ending.forget()
    this.#deleteWhenLeft()
  }

  /** The history of a feed that has ended is not kept any more: it is deleted when the last stream has left. */
  letGo (): void {
    this.#ending.forget()
    this.#deleteWhenLeft()
  }

  /** The application closes: ends all streams at once, so that their clients come back, and gives up the log. */
  async close (): Promise<void> {
    this.#isClosing = true
    // who comes later cannot read on here, even where it has ended
    if (!this.#isDeleted) this.#ending.drains()
    // streams of other applications; those of this one were drained
    guardedEach([...this.followers], (reader) => { reader.finish({ kind: 'drain' }) }, (error) => { this.parts.onFault(error, 'a stream of it could not be ended') })
    await this.#free(() => this.#held.close())
  }

  #end (keepMs: number): void {
    const ending = this.#ending
    ending.keep(keepMs, this.deadlines, () => {
      this.parts.onLetGo?.()
      this.letGo()
    })
    if (this.parts.output === undefined) ending.forget()
    this.parts.onEnd(ending.isKept)
    this.#held.end((error) => {
      if (error !== undefined) this.fault(error, 'its end could not be written')
      ending.isKnown = true
      this.#complete()
    })
  }

  #checkTaking (): void {
    if (this.hasEnded) throw new FeedEnded(shown(this.name))
  }

  #append (draft: LogDraft): string | Promise<string> {
    // a getter or toJSON() of the data may have ended the feed
    this.#checkTaking()
    this.parts.output?.makeRoom(sizeOf(draft))
    const answer = this.#held.append(draft)
    if (typeof answer === 'string') return answer
    // whoever awaits it gets the rejection too; where nobody does, it must not end the process
    answer.catch((error: unknown) => { this.parts.onFault(error, 'its log did not take an event') })
    return answer
  }

  #free (letGo: () => Promise<void>): Promise<void> {
    // whoever has begun it hears of a failure
    if (this.#freeing !== undefined) return this.#freeing.catch(() => {})
    this.#freeing = this.#giveUp(letGo)
    return this.#freeing
  }

  async #giveUp (letGo: () => Promise<void>): Promise<void> {
    this.#isFreed = true
    this.bookmarks.close()
    this.#ending.release()
    this.#tail.close()
    const letting = letGo()
    this.histories?.close()
    this.window.clear()
    this.newest?.clear()
    await letting
  }

  /** An event that was on its way into the log has arrived, or failed. */
  onSettled (): void {
    this.#complete()
  }

  /** The end stands in the log: it was written here, by another process, or before this feed was opened. */
  onEnded (): void {
    this.#ending.isKnown = true
    if (!this.hasEnded) {
      this.#ending.hasBegun = true
      this.parts.onEnd(false)
    }
    this.#complete()
  }

  #complete (): void {
    if (!this.isComplete) return
    guardedEach(this.followers, (reader) => { reader.stir() }, (error) => { this.parts.onFault(error, 'a stream of it could not be woken') })
    this.fanOut.notify()
    this.#deleteWhenLeft()
  }

  /** What remains is kept for the streams that have not read it yet. */
  #deleteWhenLeft (): void {
    if (!this.#ending.isForgotten || !this.isComplete || this.#isFreed || this.followers.size > 0) return
    this.#isDeleted = true
    this.#free(() => this.#held.delete()).then(() => { this.parts.onFreed() }, (error: unknown) => { this.parts.onFreed(error) })
  }
}
