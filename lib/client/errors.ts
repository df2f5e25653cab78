/** What the client fails with. Branch on `code`, never on the text. */

/** What has happened: the end of a `code`. */
export type FeedErrorKind =
  | 'BAD_DATA' | 'BAD_OPTION' | 'CUT' | 'FAILED' | 'GAP' | 'LINE_TOO_LONG' | 'NETWORK' | 'NOT_A_STREAM' | 'REFUSED' | 'SILENT'
  | 'SUSPENDED' | 'UNAVAILABLE'

/** The code of an error of the client. */
export type FeedErrorCode = `FST_EVENTFEED_CLIENT_${FeedErrorKind}`

/** What is known of a failure beside its code. */
export interface FeedErrorDetails {
  /** The status of the answer, where one was the reason. */
  readonly status?: number
  /** What the server said in `stream:error`. */
  readonly serverCode?: string
  /** What has thrown. */
  readonly cause?: unknown
}

/** An error of the client. The README has a table of the codes. */
export class FeedError extends Error {
  readonly code: FeedErrorCode
  readonly status: number | undefined
  readonly serverCode: string | undefined

  /** @internal */
  constructor (kind: FeedErrorKind, message: string, { status, serverCode, cause }: FeedErrorDetails = {}) {
    super(message, { cause })
    this.name = 'FeedError'
    this.code = `FST_EVENTFEED_CLIENT_${kind}`
    this.status = status
    this.serverCode = serverCode
  }
}
