/**
 * The joint between the two towers: what a connection asks of a source, whatever it is (an iterable, a feed
 * subscription, a merge of several). Neither side knows more of the other than this.
 */
import type { Batch } from './batch.ts'
import type { EventCodec } from './codec.ts'
import type { ControlForm } from './control-form.ts'

/** How a source ended by itself. */
export type SourceEnd =
  /**
   * It has said all: the client need not come back. `reason`: why it was stopped, where it has not ended by itself.
   */
  | { readonly kind: 'done', readonly reason?: string }
  /**
   * It failed. `code`: what clients learn of the failure; by default, that a source has failed. `isFinal`: nothing more
   * will ever come, and whoever made the source reports the error. An `EventSource` then gets a stream though there is no
   * event, and 204 when it comes back; all others get the error in place of a stream without events.
   */
  | { readonly kind: 'failed', readonly error: unknown, readonly code?: string, readonly isFinal?: true }
  /** The reader fell behind what is kept: it is to come back, with its last event ID. */
  | { readonly kind: 'lagged' }
  /** What holds its events closes: the client is to come back. */
  | { readonly kind: 'drain' }
  /** The application has aborted the signal that it gave to the source: the client is to come back. */
  | { readonly kind: 'kick', readonly reason: unknown }

/** What a source is opened with. */
export interface SourceContext {
  /** The last event ID that the client sent; `undefined` at a first connect. */
  readonly lastEventId: string | undefined
  /** How the route writes the data of its events; `undefined` where it declares none. */
  readonly codec: EventCodec | undefined
  /** How the stream says what is no event of the application. */
  readonly control: ControlForm
  /** Aborted when the stream has ended, for whatever reason: `signal.reason` is the typed reason. */
  readonly signal: AbortSignal
  /** Whom to wake. */
  readonly owner: SourceOwner
}

/** Whoever reads a source. */
export interface SourceOwner {
  /** Hears of an undeclared event type that an `EventSource` takes for news of its connection. */
  misheard? (type: string): void
  /**
   * "There is more to read, or the end has come." A source calls it after a read that gave nothing; never from within
   * a call.
   */
  wake (): void
}

/** An open source: one reader's. Nothing here is asynchronous, so that a connection awaits no promise per event. */
export interface FrameSource {
  /**
   * What is to be sent now: at most `maxBytes`, except that an event which alone is longer is given whole.
   * `undefined` when nothing is ready: then `wake` will be called. A source pulls no more from its origin than was
   * asked for in this way.
   */
  read (maxBytes: number): Batch | undefined
  /** The end, once it has come and all before it was read; `undefined` until then. */
  readonly end: SourceEnd | undefined
  /** True where its end comes by itself when the server drains, so that a drain waits for it. Default: false. */
  readonly isWaitedFor?: boolean
  /** True while it is not known whether there is anything to stream, so that no head is sent. Default: false. */
  readonly isSought?: boolean
  /** What to say on a quiet stream in place of a comment, such as a bookmark; `undefined` for nothing. */
  quiet (): Batch | undefined
  /** How far behind its origin this reader is. */
  behind (): { entries: number, bytes: number }
  /**
   * The stream ends: nothing new is wanted. What is ready already can still be read; then the end has come. Releases
   * all that the source holds. A second call does nothing.
   *
   * @returns `undefined` where the source has stopped; else a promise that is fulfilled when it has, as when a
   *   generator is parked on something that ignores the signal, and rejected when its clean-up failed
   */
  cancel (reason: Error): Promise<void> | undefined
  /** Nothing more will be read: what `cancel` has kept to be read goes too. Called after `cancel`, once or more. */
  release (): void
}

/**
 * The name of the method by which a source is recognized. Global, so that two copies of this package understand each
 * other.
 */
export const openFrames: unique symbol = Symbol.for('fastify-eventfeed.open-frames') as never

/** A source that can be opened, by many readers, each from its own position. */
export interface FrameSourceOpener {
  /** Opens it for one reader. Throws where the context does not fit, such as an ambiguous schema. */
  [openFrames] (context: SourceContext): FrameSource
}

/** The name of the method by which a source is opened as one of several on a stream. Global, as `openFrames` is. */
export const openMember: unique symbol = Symbol.for('fastify-eventfeed.open-member') as never

/** The event ID for a position, on a stream of several feeds: it carries the others' positions too. */
export type IdOf = (position: string) => string

/** One of several sources on a stream. */
export interface MemberFrames extends FrameSource {
  /** True when it is known where it begins. */
  readonly isPlaced: boolean
  /** The position up to which the client has received it; `undefined` if it has none. */
  readonly position: string | undefined
}

/** A source that can share a stream with those of other feeds. */
export interface MemberOpener extends FrameSourceOpener {
  /** What its positions stand under in an event ID. */
  readonly feedName: string
  /** @param idOf gives the event ID for a position; `undefined`: the position itself */
  [openMember] (context: Pick<SourceContext, 'lastEventId' | 'codec' | 'control' | 'owner'>, idOf: IdOf | undefined): MemberFrames
}

/** True for what can share a stream. */
export function isMemberOpener (value: FrameSourceOpener): value is MemberOpener {
  return openMember in value && 'feedName' in value && typeof value.feedName === 'string'
}

/** True for what can be opened as a frame source. */
export function isFrameSourceOpener (value: unknown): value is FrameSourceOpener {
  return typeof value === 'object' && value !== null && openFrames in value
}
