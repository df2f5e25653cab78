/**
 * The line to a server: one attempt after the other, until the server has said all, or it cannot. It knows last event
 * IDs, control events and when to come back, and nothing of who takes the events.
 */
import type { EventSourceMessage } from 'eventsource-parser'
import { CONTROL, CONTROL_PREFIX, isDone } from '../wire/protocol.ts'
import { judge, type AttemptEnd } from './answer.ts'
import { delayBefore, type DelayBounds } from './delay.ts'
import type { ClientClock, Surroundings } from './environment.ts'
import { FeedError } from './errors.ts'
import { EventReader } from './reading.ts'
import { SilenceWatch } from './silence.ts'
import type { FeedState, GapState } from './states.ts'

/** How a line is held. */
export interface LineOptions extends DelayBounds {
  readonly clock: ClientClock
  readonly surroundings: Surroundings
  readonly silenceMs: number
  readonly maxLineLength: number
  /** How many attempts in succession may fail. */
  readonly maxAttempts: number
}

/** What a line needs of whoever has it. */
export interface LineHost {
  /** Asks the server. */
  request (lastEventId: string, attempt: number, signal: AbortSignal): Promise<Response>
  /** An event of the application. What this throws ends the line. */
  onEvent (message: EventSourceMessage): void
  /** What this throws ends the line. */
  onState (state: FeedState): void
  /** A promise while what was handed over is not taken; reading waits for it. */
  ready (): Promise<void> | undefined
  /** Why the line ends here, where it has ended early: asked before the client comes back. */
  stopsAt? (error: FeedError): unknown
  /** True if the end of this answer is the end of the stream, whether or not it says `stream:done`. */
  isEnd? (response: Response): boolean
}

/** How a line has ended. */
export type LineEnd = Extract<AttemptEnd, { isFinal: true }>

/** One line, held once. */
export class Line {
  lastEventId: string
  readonly #host: LineHost
  readonly #options: LineOptions
  readonly #closing = new AbortController()
  #attempt = new AbortController()
  #watch: SilenceWatch | undefined
  /** Attempts since the line was last of use. */
  #attempts = 0
  #askedMs = 0
  /** What the server said in `stream:error` before the end that follows. */
  #failure: FeedError | undefined
  #isAside = false
  /** Ends a wait. */
  #goOn: ((signal: 'online' | 'back' | 'awake') => void) | undefined

  constructor (host: LineHost, options: LineOptions, lastEventId: string) {
    this.#host = host
    this.#options = options
    this.lastEventId = lastEventId
  }

  /**
   * Holds the line until it ends. Never rejects.
   * @param first the answer to begin with; without one, the first attempt asks
   */
  async run (first?: Response): Promise<LineEnd> {
    const stopListening = this.#options.surroundings.listen((signal) => {
      if (signal === 'hidden-away') {
        this.#isAside = true
        this.#attempt.abort(new FeedError('SUSPENDED', 'the page is kept aside'))
        return
      }
      if (signal === 'back') this.#isAside = false
      this.#watch?.wake()
      this.#goOn?.(signal)
    })
    try {
      let response = first
      while (true) {
        let end = await this.#follow(response)
        response = undefined
        if (!end.isFinal) end = await this.#rest(end) ?? end
        if (end.isFinal) return end
      }
    } catch (error) {
      return { isFinal: true, error }
    } finally {
      stopListening()
      this.#closing.abort()
    }
  }

  /** Ends the line for good. @param end how it is to end */
  close (end: LineEnd): void {
    this.#closing.abort(end)
    this.#attempt.abort(end)
  }

  /** One attempt, up to its end. */
  async #follow (given: Response | undefined): Promise<AttemptEnd> {
    const { clock, silenceMs } = this.#options
    const openedAt = clock.now()
    const attempt = new AbortController()
    this.#attempt = attempt
    if (this.#closing.signal.aborted) attempt.abort(this.#closing.signal.reason)
    this.#failure = undefined
    const watch = new SilenceWatch(clock, silenceMs, () => {
      attempt.abort(new FeedError('SILENT', `nothing has arrived for ${silenceMs} ms`))
    })
    this.#watch = watch
    let response = given
    try {
      response ??= await orAborted(this.#host.request(this.lastEventId, this.#attempts + 1, attempt.signal), attempt.signal)
      const end = judge(response, clock.now())
      if (end !== undefined) {
        drop(response)
        return end
      }
      this.#host.onState({ state: 'open' })
      await this.#read(response, attempt, watch)
      if (this.#failure === undefined && this.#host.isEnd?.(response) === true) return { isFinal: true }
      return { isFinal: false, error: this.#failure ?? new FeedError('CUT', 'the stream has ended without stream:done') }
    } catch (cause) {
      return this.#endBy(cause, attempt)
    } finally {
      watch.stop()
      this.#watch = undefined
      // a line that was open for long was of use, also if nothing was said
      if (response?.status === 200 && clock.now() - openedAt > this.#options.longestDelayMs) this.#attempts = 0
      attempt.abort()
    }
  }

  /** Reads a stream to its end. Rejects when the line is cut. */
  async #read (response: Response, { signal }: AbortController, watch: SilenceWatch): Promise<void> {
    const reader = response.body?.getReader()
    if (reader === undefined) return
    // a body that knows nothing of the signal ends too
    const cancel = (): void => { reader.cancel().catch(() => {}) }
    signal.addEventListener('abort', cancel, { once: true })
    const events = new EventReader({
      maxLineLength: this.#options.maxLineLength,
      onRetry: (retryMs) => { this.#askedMs = retryMs },
      onEvent: (message) => { if (!signal.aborted) this.#take(message) }
    })
    try {
      while (true) {
        signal.throwIfAborted()
        const { done, value } = await reader.read()
        signal.throwIfAborted()
        if (done) return
        watch.heard()
        events.read(value)
        const ready = this.#host.ready()
        if (ready === undefined) continue
        watch.stop()
        await orAborted(ready, signal)
        watch.resume()
      }
    } finally {
      signal.removeEventListener('abort', cancel)
      cancel()
    }
  }

  #take (message: EventSourceMessage): void {
    const { id, event = '' } = message
    if (id !== undefined && id !== this.lastEventId) {
      this.lastEventId = id
      this.#attempts = 0
    }
    if (!event.startsWith(CONTROL_PREFIX)) {
      this.#attempts = 0
      this.#host.onEvent(message)
      return
    }
    if (event === CONTROL.gap) {
      // what the server says, in the form that it has promised
      const details = detailsOf(message) as Omit<GapState, 'state' | 'id'>
      this.#host.onState({ ...details, state: 'gap', id: this.lastEventId })
    } else if (event === CONTROL.done) {
      const { reason } = detailsOf(message)
      this.close({ isFinal: true, reason: typeof reason === 'string' ? reason : undefined })
    } else if (event === CONTROL.error) {
      const code = String(detailsOf(message)['code'])
      this.#failure = new FeedError('FAILED', `the server's source failed: ${code}`, { serverCode: code })
      if (isDone(this.lastEventId)) this.close({ isFinal: true, error: this.#failure })
    }
  }

  /** What an attempt that has thrown says. */
  #endBy (cause: unknown, { signal }: AbortController): AttemptEnd {
    if (this.#closing.signal.aborted) return finalOf(this.#closing.signal.reason)
    const error: unknown = signal.aborted ? signal.reason : cause
    if (!(error instanceof FeedError)) {
      return { isFinal: false, error: new FeedError('NETWORK', 'the request failed, or its line was cut', { cause: error }) }
    }
    const isPassing = error.code === 'FST_EVENTFEED_CLIENT_SILENT' || error.code === 'FST_EVENTFEED_CLIENT_SUSPENDED'
    return isPassing ? { isFinal: false, error } : { isFinal: true, error }
  }

  /** Waits for the next attempt; gives an end where there is none. */
  async #rest ({ error, askedMs }: Extract<AttemptEnd, { isFinal: false }>): Promise<LineEnd | undefined> {
    const { clock, surroundings, maxAttempts, longestDelayMs } = this.#options
    const stopping = this.#host.stopsAt?.(error)
    if (stopping !== undefined) return { isFinal: true, error: stopping }
    const attempt = ++this.#attempts
    if (attempt > maxAttempts) return { isFinal: true, error }
    const asked = askedMs ?? this.#askedMs
    const soonMs = Math.ceil(delayBefore(attempt, asked, this.#options))
    // without a network each attempt fails; but who says that there is none may be wrong
    const delayMs = surroundings.isOffline() ? Math.max(soonMs, longestDelayMs) : soonMs
    const wakesAt = clock.now() + delayMs
    this.#host.onState({ state: 'retrying', attempt, delayMs: this.#isAside ? Infinity : delayMs, error })
    const closing = this.#closing.signal
    return new Promise((resolve) => {
      let isDue = false
      const finish = (): void => {
        stopTimer()
        this.#goOn = undefined
        closing.removeEventListener('abort', finish)
        resolve(closing.aborted ? finalOf(closing.reason) : undefined)
      }
      closing.addEventListener('abort', finish)
      const stopTimer = clock.after(delayMs, () => {
        isDue = true
        if (!this.#isAside) finish()
      })
      this.#goOn = (signal) => {
        if (this.#isAside) return
        // who has answered with a time to wait is not asked earlier; a timer may be late
        if (isDue || clock.now() >= wakesAt || (signal !== 'awake' && askedMs === undefined)) finish()
      }
      if (closing.aborted) finish()
    })
  }
}

/** The data of a control event. Broken data says nothing: the server is another one. */
function detailsOf ({ data }: EventSourceMessage): Record<string, unknown> {
  try {
    return Object(JSON.parse(data))
  } catch {
    return {}
  }
}

/** Only `close` and the end of `run` abort the controller that this is the reason of. */
function finalOf (reason: unknown): LineEnd {
  return reason as LineEnd
}

/** Nobody reads this answer: its connection is free. */
function drop (response: Response): void {
  response.body?.cancel().catch(() => {})
}

/** Rejects as soon as the signal is aborted, whether or not the promise knows of it. */
function orAborted<Value> (promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => { reject(signal.reason) }
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    promise.then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}
