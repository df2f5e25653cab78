/**
 * The contract of a log: the history of one feed, kept in memory, in a file, or by a server that many processes
 * share. A log stores entries and knows their positions. It knows nothing of the streams that read it: what a process
 * holds of a log in memory belongs to the feed. `fastify-eventfeed/testing/log` tests any log against this contract.
 *
 * A log assigns each entry a *position*: a string in the order of the log that no other entry has. Clients see it as
 * the event ID, so it has 1 to 128 characters, contains no control character, no white space, no comma and no `=`,
 * and does not begin with `~`. The feed compares positions for equality only.
 *
 * Positions belong to an *epoch*. A history that was deleted or lost, or whose newest entries were lost, goes on in a
 * new epoch, so that no position is ever given to two entries.
 *
 * **Calls.** Unless a method says otherwise, it may be called at any time after `tail` has answered and before
 * `close`, also while other calls are under way. Each method may answer at once or by a promise. None may block the
 * event loop while it waits for a disk or a network. It must answer in any case: where the storage does not, it fails
 * after a time of its own choosing.
 *
 * **Errors.** A method fails by throwing or by a rejected promise. An error with `retryable: true` says that the same
 * call may succeed later (a full disk, a lost connection); any other says that it will not. After `close` every
 * method but `close` fails with `FST_EVENTFEED_LOG_CLOSED`. An error of `append` goes to whoever published; one of
 * `tail` fails the start of the application; any other ends the stream for which the feed asked, and its client comes
 * back.
 */
import type { GapReason } from '../wire/protocol.ts'
import type { RetainOptions } from './retention.ts'

/** An event on its way into a log. */
export interface LogDraft {
  /** The event type. */
  readonly event: string
  /** The data, as JSON text. */
  readonly json: string
  /** The keys that the event was published with, the first one first; none is usual. */
  readonly keys: readonly string[]
  /** When it was published, in milliseconds since the Unix epoch. Does not decrease within one process. */
  readonly at: number
  /**
   * While an entry with the same `dedupeId` is kept, the event is not added again. `undefined`: it is added in any
   * case.
   */
  readonly dedupeId?: string | undefined
  /**
   * Opaque, and of this process only: what has checked the data. A log that tells an entry which it has just made
   * from this draft passes it on (`{ ...draft, position }`), and spares the feed a second check. It is never stored.
   */
  readonly checkedBy?: unknown
}

/** An event in a log: plain data, which a log can make from what it has stored. */
export interface LogEntry extends Omit<LogDraft, 'dedupeId'> {
  /** Where it stands in the log: the event ID. */
  readonly position: string
}

/** The log cannot continue from a position. */
export interface LogGap {
  readonly kind: 'gap'
  /**
   * - `malformed`: it is no position of this kind of log.
   * - `epoch`: it belongs to another log, or to a history that was deleted or lost.
   * - `ahead`: it is newer than the newest entry.
   * - `trimmed`: the entry after it is not kept any more.
   */
  readonly reason: Exclude<GapReason, 'lagged' | 'failed'>
  /** The position of the oldest entry that is kept; `null` where there is none. */
  readonly oldest: string | null
  /** The position just before that entry; of an empty log, its head. `page` continues from there. */
  readonly before: string
}

/** Where a log begins. */
export interface LogBeginning extends Pick<LogGap, 'oldest' | 'before'> {
  /**
   * True where entries of this epoch were dropped from the beginning of the log, also where none is left. A log may leave
   * it out: then a stream that asks for the whole (`from: 'start'`) always reports a gap, because some may be missing.
   */
  readonly isTrimmed?: boolean | undefined
}

/** Whether the log can continue from a position. */
export type Located = { readonly kind: 'found' } | LogGap

/** Entries that follow each other in the log, oldest first. */
export interface LogPage {
  readonly kind: 'page'
  /** Never empty where the log has a next entry. */
  readonly entries: readonly LogEntry[]
}

/**
 * Hears what comes to stand in a log. The log calls it in the order of the log, and never again after `close` or
 * `stop`. Its functions do not throw.
 */
export interface TailListener {
  /**
   * One entry or more that were committed, whoever appended them, oldest first. The first one follows the last one of
   * the call before, unless `lost` came in between.
   */
  entries (entries: readonly LogEntry[]): void
  /**
   * The log cannot tell what came after `position`, the last one that it told. What it tells next does not follow
   * what it told before. The feed reads what is missing with `page`, so nothing is lost that the log still keeps.
   */
  lost (position: string): void
  /** The log was ended, by this process or another. No entry follows. */
  ended (): void
}

/** A tail that has begun. */
export interface Tail {
  /** The position just before the first entry that was told; the head, where none was told before `tail` answered. */
  readonly before: string
  /** Ends it: the listener is not called any more. A second call does nothing. */
  stop (): void
}

/** The history of one feed. */
export interface EventLog {
  /**
   * What the log keeps, where that is bounded: the feed keeps no more in memory, and nothing that is older. The methods
   * of the log show exactly what this says, no entry more and none fewer, whenever the storage is freed. The newest
   * entry stays however many bytes it has, and leaves by its age only.
   */
  readonly retain?: RetainOptions | undefined

  /**
   * Opens the log, and follows it. First the listener is told the newest entries that are kept: as many as `newest`
   * says, by count and by bytes of JSON text, or fewer. Then, where the log was ended, `ended`. Then `tail` answers,
   * and from now on the listener hears each entry that is committed, once, and in the order of the log.
   *
   * It comes before any other call but `close`. Where it fails, the log was not opened, and it may be called again. A
   * log that can be used by one process only fails while another one has it open. A log that has been ended can be
   * read, and fails to append, until `delete`. On a log that is open it begins one more tail, which is told the newest
   * entries too.
   */
  tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Tail | Promise<Tail>

  /**
   * Adds an event at the end, and answers its position. The order is: the entry is committed, then it is told to the
   * tails of this process, then `append` answers. Appends that one process makes one after the other, without
   * waiting, keep their order.
   *
   * Where it fails, the event was not added, and nobody has seen it. The exception is a storage that is lost while it
   * commits: then nobody can say, and a `dedupeId` makes it safe to try again. Where several appends are committed
   * together, all of them fail together. While an entry with the same `dedupeId` is kept or on its way, it answers
   * the position of that one and adds nothing. Fails with `FST_EVENTFEED_FEED_ENDED` once the log was ended.
   */
  append (draft: LogDraft): string | Promise<string>

  /**
   * Whether a reader whose last event ID is `position` can continue: whether the entry after it is kept, or comes
   * next. The head is found, and so is the position just before the oldest entry. A log that other processes append
   * to may know less than the client, because a replica lags. It waits for the position, within a bound, before it
   * answers `ahead`. A log that one process has to itself answers `ahead` at once. `position` is what a client has
   * sent: any text.
   */
  locate (position: string): Located | Promise<Located>

  /** Where the history begins. */
  earliest (): LogBeginning | Promise<LogBeginning>

  /**
   * Reads up to `limit` entries (1 or more) that follow `after`, without a hole between them. It may give fewer, to
   * bound what it holds. Where `after` is the head, and only there, the page is empty. Entries that the tail has told
   * are given too. A gap where `locate` finds one.
   */
  page (after: string, limit: number): LogPage | LogGap | Promise<LogPage | LogGap>

  /**
   * Writes the end behind all entries, waits for the appends that are under way, and tells it to all tails, in every
   * process. Whoever opens the log afterwards is told too, until the history is deleted. Appends fail from now on. A
   * second call does nothing.
   */
  end (): void | Promise<void>

  /**
   * Deletes the history, with its end, and closes this process's hold on it. What is opened under the same name
   * afterwards is empty, and of a new epoch. Nobody reads any more when the feed calls this.
   */
  delete (): void | Promise<void>

  /**
   * Gives up this process's hold on the log, after the appends that are under way. The history stays where it
   * outlives the process. A second call does nothing, nor does one after `delete`, or where `tail` has failed.
   */
  close (): void | Promise<void>
}
