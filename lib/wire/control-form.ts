/**
 * How a stream says what is no event of the application: where it stands, what is missing, how it ends. No one form
 * suits all clients, so the request decides, or the option `control`. The forms that the package brings are shared by
 * all streams.
 */
import { bookmark, done, failure, gap } from './control-event.ts'
import { encodeBody, retryLine } from './encode.ts'
import { CONTROL, doneId, type Gap } from './protocol.ts'

/** Why a stream ends before its source has said all. */
export type ErrorReason = 'failed' | 'drain' | 'kick' | 'max-age' | 'expired' | 'revoked' | 'idle' | 'lagged'

/** The client's last event ID moves, and nothing else happens. */
export interface BookmarkControl { readonly type: 'bookmark', readonly id: string }

/** Events are missing; `id` is the event ID just before what follows. */
export interface GapControl extends Readonly<Gap> { readonly type: 'gap', readonly id: string }

/** The source has said all. */
export interface DoneControl {
  readonly type: 'done'
  /** A client that comes back with this last event ID gets 204, which stops an `EventSource`. */
  readonly id: string
  /** Why the source was stopped; absent where it has ended by itself. */
  readonly reason?: string
}

/** The stream ends before its source has said all. */
export interface ErrorControl {
  readonly type: 'error'
  readonly reason: ErrorReason
  /**
   * With the reason `kick`, what `kick()` was given as its reason. Only a function as the option `control` gets it: what
   * it does not say reaches no client.
   */
  readonly detail?: string
  /** What clients learn of a failure: no text of an error. Absent where the source has not failed. */
  readonly code?: string
  /** How long the client should wait before it comes back, in milliseconds, where the server has chosen a time. */
  readonly retryMs?: number
  /** The id of `DoneControl`, where nothing more will ever come; absent where the client may come back. */
  readonly id?: string
}

/** What a stream says by itself. */
export type Control = BookmarkControl | GapControl | DoneControl | ErrorControl

/** What is written for a control. */
export interface Said {
  readonly text: string
  /** The last event ID of a client that has read the text; `undefined` where it sets none. */
  readonly lastEventId: string | undefined
}

/** What is written for an end before the source has said all. */
export interface LastWord extends Said {
  /** True where a clean end would pass for success, so that the line is cut. */
  readonly isCut: boolean
}

/** The form of a stream's control information. Where a method gives `undefined`, nothing is written. */
export interface ControlForm {
  /** True where a gap is the named event, whose bytes streams share. */
  readonly hasNamedGaps: boolean
  /** False where `bookmark` always gives `undefined`. */
  readonly hasBookmarks: boolean
  /**
   * True where a run that has failed is refused with an error when its client has all of its events: a stream without
   * any, whose line is cut, would be asked for again and again.
   */
  readonly refusesFailures: boolean
  bookmark (id: string): Said | undefined
  gap (details: Gap, id: string): Said | undefined
  /** @param reason why the source was stopped */
  done (lastEventId: string, reason: string | undefined): Said | undefined
  error (control: ErrorControl): LastWord
  /** What is written as soon as it is known that the client should come back after this many milliseconds. */
  comeBack (retryMs: number): string
}

/** A gap as a named event. */
export function namedGap (details: Gap, id: string): Said {
  return { text: gap(details, id), lastEventId: id }
}

/** The line is cut without a word. */
export const CUT: LastWord = Object.freeze({ text: '', lastEventId: undefined, isCut: true })

/** For `EventSource`, and for clients that act as it does: every control is a named event. */
export const EVENTS_FORM: ControlForm = Object.freeze({
  hasNamedGaps: true,
  hasBookmarks: true,
  bookmark: (id: string) => ({ text: bookmark(id), lastEventId: id }),
  gap: namedGap,
  refusesFailures: false,
  done: (lastEventId: string, reason: string | undefined) => ({ text: done(lastEventId, reason), lastEventId: doneId(lastEventId) }),
  error: ({ reason, code, retryMs, id }: ErrorControl) => ({
    text: reason === 'failed' && code !== undefined ? failure(code, retryMs, id) : '',
    lastEventId: id,
    isCut: false
  }),
  comeBack: (retryMs: number) => `${retryLine(retryMs)}\n`
})

/**
 * The same for clients that read named events, and may take each end of a response for success: only the end of the
 * source is a plain one.
 */
export const CUT_EVENTS_FORM: ControlForm = Object.freeze({
  ...EVENTS_FORM,
  // without an id: whoever came back with that would get 204, and might take that for success
  error: ({ id, ...control }: ErrorControl) => ({ ...EVENTS_FORM.error(control), isCut: true }),
  // without a blank line, of which some of these clients make an event
  comeBack: retryLine,
  refusesFailures: true
})

/**
 * Each control is a comment, which clients skip, without a blank line, which some of them take for the end of an empty
 * event. For people who look at a stream, and for what reads it for them.
 */
export const COMMENTS_FORM: ControlForm = Object.freeze({
  hasNamedGaps: false,
  hasBookmarks: true,
  refusesFailures: true,
  bookmark: (id: string) => commentOf({ type: 'bookmark', id }),
  gap: (details: Gap, id: string) => commentOf({ type: 'gap', id, ...details }),
  done: (lastEventId: string, reason: string | undefined) => commentOf(doneControl(lastEventId, reason)),
  error: ({ detail, ...control }: ErrorControl) => ({ ...commentOf(control), isCut: true }),
  comeBack: () => ''
})

/** Nothing is said, not even of gaps: for applications whose events carry all that their clients need. */
export const NO_FORM: ControlForm = Object.freeze({
  hasNamedGaps: false,
  hasBookmarks: false,
  refusesFailures: true,
  bookmark: () => undefined,
  gap: () => undefined,
  done: () => undefined,
  error: () => CUT,
  comeBack: () => ''
})

/** The control of the end of a source. @param reason why it was stopped */
export function doneControl (lastEventId: string, reason: string | undefined): DoneControl {
  return { type: 'done', id: doneId(lastEventId), ...reason === undefined ? {} : { reason } }
}

function commentOf ({ type, ...details }: Control): Said {
  return { text: encodeBody({ comment: `${CONTROL[type]} ${JSON.stringify(details)}`, event: undefined, data: undefined, retry: undefined }), lastEventId: undefined }
}

/**
 * For all other clients, which take each item for an event of the application, and a clean end for success: nothing
 * but gaps.
 */
export const PLAIN_FORM: ControlForm = Object.freeze({
  hasNamedGaps: true,
  hasBookmarks: false,
  refusesFailures: true,
  bookmark: () => undefined,
  gap: namedGap,
  done: () => undefined,
  error: () => CUT,
  comeBack: () => ''
})
