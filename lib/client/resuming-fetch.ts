/**
 * `resumingFetch`: a `fetch` for clients that take one. An event stream that is cut in the middle goes on where it was
 * cut, and whoever reads it does not notice. It is no cut that passes for an end.
 */
import type { EventSourceMessage } from 'eventsource-parser'
import { isEventStream } from './answer.ts'
import { RESUMING_ATTEMPTS } from './defaults.ts'
import { FeedError } from './errors.ts'
import { Line, type LineEnd } from './line.ts'
import { lineOptionsOf, type RetryOptions } from './options.ts'
import { sayLastEventId } from './request.ts'

/** The options of `resumingFetch`. `maxAttempts` is 10 by default. */
export interface ResumingFetchOptions extends RetryOptions {
  /**
   * Where an answer is resumed, by GET. Without it, or where it returns nothing, that is the response's
   * `Content-Location`, if its origin is that of the request.
   */
  readonly resumeUrl?: ((response: Response) => string | URL | null | undefined) | undefined
}

/** Added to what the caller accepts: this client handles control events, and hides them. */
const CONTROL_EVENTS = 'text/event-stream;control=events'

/**
 * Makes a `fetch`. A request is sent once, as it is, and never repeated. If the answer is an event stream, its body
 * holds the events of the application alone. If it is cut, it is resumed by GET with the last event ID, and with the
 * headers of the request; where that is not possible, the body fails with a `FeedError`, and so it does at
 * `stream:error`, and where events are missing. All other answers are handed through.
 *
 * @throws FeedError FST_EVENTFEED_CLIENT_BAD_OPTION
 */
export function resumingFetch (options: ResumingFetchOptions = {}): typeof fetch {
  const lineOptions = lineOptionsOf(options, RESUMING_ATTEMPTS)
  const send = options.fetch ?? globalThis.fetch
  return async (input, init) => {
    const request = typeof input === 'object' && 'headers' in input ? input : undefined
    const headers = new Headers(init?.headers ?? request?.headers)
    headers.set('accept', `${headers.get('accept') ?? '*/*'}, ${CONTROL_EVENTS}`)
    const response = await send(input, { ...init, headers })
    if (response.status !== 200 || response.body === null || !isEventStream(response)) return response
    const signal = init?.signal ?? request?.signal
    const url = resumedAt(response, request?.url ?? String(input), options.resumeUrl)
    const resume = async (at: string, lastEventId: string, attempt: AbortSignal): Promise<Response> => {
      const resumed = new Headers(headers)
      for (const name of [...resumed.keys()]) if (name.startsWith('content-')) resumed.delete(name)
      const asked = sayLastEventId(at, lastEventId, resumed, false)
      const credentials = init?.credentials ?? request?.credentials
      return await send(asked, { headers: resumed, signal: attempt, credentials })
    }
    const resumable = url === undefined ? undefined : resume.bind(undefined, url)
    return copied(response, new Resumed(resumable, lineOptions, signal ?? undefined).read(response))
  }
}

/** Headers go to no other origin than the one that they were for, unless the caller says so. */
function resumedAt (response: Response, asked: string, resumeUrl: ResumingFetchOptions['resumeUrl']): string | undefined {
  const own = resumeUrl?.(response)
  // relative URLs are those of a page; in Node there are only whole ones
  const { location } = globalThis as { location?: { href: string } }
  const base = new URL(asked, location?.href)
  const answered = response.url === '' ? base.href : response.url
  if (own !== undefined && own !== null) return new URL(String(own), answered).href
  const named = response.headers.get('content-location')
  if (named === null || !URL.canParse(named, answered)) return undefined
  const url = new URL(named, answered)
  return url.origin === base.origin ? url.href : undefined
}

/** The same answer with another body, whose length is not known and which has no coding. */
function copied (response: Response, body: ReadableStream<Uint8Array>): Response {
  const headers = new Headers(response.headers)
  headers.delete('content-length')
  headers.delete('content-encoding')
  const copy = new Response(body, { status: response.status, statusText: response.statusText, headers })
  // clients read it, and a response that is made by hand has none
  return Object.defineProperties(copy, { url: { value: response.url }, redirected: { value: response.redirected } })
}

/** One answer, over as many connections as it takes. */
class Resumed {
  readonly #line: Line
  readonly #signal: AbortSignal | undefined
  readonly #encoder = new TextEncoder()
  #body: ReadableStreamDefaultController<Uint8Array> | undefined
  #whenTaken: (() => void) | undefined
  /** The last event that was handed over had no id: resuming would repeat it. */
  #isLost = false

  constructor (
    resume: ((lastEventId: string, signal: AbortSignal) => Promise<Response>) | undefined,
    options: ConstructorParameters<typeof Line>[1], signal: AbortSignal | undefined
  ) {
    this.#signal = signal
    this.#line = new Line({
      request: async (lastEventId, _attempt, signal) => {
        if (resume === undefined) throw new Error('this is not called')
        return await resume(lastEventId, signal)
      },
      onEvent: (message) => {
        this.#isLost = message.id === undefined
        this.#body?.enqueue(this.#encoder.encode(textOf(message)))
      },
      onState: (state) => {
        if (state.state === 'gap') throw new FeedError('GAP', `events are missing: ${state.reason}`)
      },
      ready: () => {
        if ((this.#body?.desiredSize ?? 1) > 0) return undefined
        return new Promise((resolve) => { this.#whenTaken = resolve })
      },
      stopsAt: (error) => resume === undefined || this.#isLost || error.code === 'FST_EVENTFEED_CLIENT_FAILED' ? error : undefined,
      isEnd: ({ headers }) => !/;\s*control=events/i.test(headers.get('content-type') ?? '')
    }, options, '')
  }

  read (response: Response): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start: (body) => {
        this.#body = body
        const signal = this.#signal
        const abort = (): void => { this.#line.close({ isFinal: true, error: signal?.reason }) }
        signal?.addEventListener('abort', abort)
        if (signal?.aborted === true) abort()
        this.#line.run(response).then((end) => {
          signal?.removeEventListener('abort', abort)
          this.#finish(end)
        })
      },
      pull: () => { this.#taken() },
      cancel: () => {
        this.#body = undefined
        this.#line.close({ isFinal: true })
        this.#taken()
      }
    })
  }

  #taken (): void {
    this.#whenTaken?.()
    this.#whenTaken = undefined
  }

  #finish ({ error }: LineEnd): void {
    if (error === undefined) this.#body?.close()
    else this.#body?.error(error)
    this.#body = undefined
  }
}

function textOf ({ event, id, data }: EventSourceMessage): string {
  const lines = data.split('\n').map((line) => `data: ${line}\n`).join('')
  return `${event === undefined ? '' : `event: ${event}\n`}${lines}${id === undefined ? '' : `id: ${id}\n`}\n`
}
