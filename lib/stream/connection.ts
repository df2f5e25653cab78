/**
 * One open event stream: its states, and what moves it from one to the next. It knows neither feeds nor Fastify: a
 * frame source is on its one side, a writer on the other, and its host commits the response and hears of the end.
 */
import { FIRST_WRITE_BYTES } from '../defaults.ts'
import { asError } from '../errors.ts'
import type { Batch } from '../wire/batch.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { ControlForm } from '../wire/control-form.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import { beginning, comeBackAfter, HEARTBEAT, joined, lastWord } from './connection-batches.ts'
import { StreamContext, type SourceStream } from './context.ts'
import type { Deadline } from '../deadlines.ts'
import { EventStreamEnded, type EndReason } from './end.ts'
import type { Beating } from './heartbeat.ts'
import { HeldSource } from './held-source.ts'
import type { ConnectionHost, ConnectionTools, StreamOptions } from './host.ts'
import { hasLimits, Lifetime, type LifetimeOwner } from './lifetime.ts'
import { openSource } from './source.ts'
import type { Writer, WriterOwner } from './writer.ts'

/** The set-up runs; the head is being sent; events flow; the last bytes are on their way; all is over. */
type State = 'setting-up' | 'committing' | 'open' | 'ending' | 'closed'

/** One open event stream. */
export class Connection implements Beating, LifetimeOwner, SourceStream, WriterOwner {
  lastWriteSlice = 0
  heartbeatSlice = 0
  rosterPlace = -1
  readonly control: ControlForm
  readonly #host: ConnectionHost
  readonly #options: StreamOptions
  readonly #tools: ConnectionTools
  readonly #startedAt: number
  /** `undefined` where nothing limits it. */
  readonly #lifetime: Lifetime | undefined
  #state: State = 'setting-up'
  readonly #source = new HeldSource()
  #writer: Writer | undefined
  #held: Batch | undefined
  #commitDeadline: Deadline | undefined
  #reason: EventStreamEnded | undefined
  #error: unknown
  /** True while it moves on. Who calls from within says only that there is more to do. */
  #isMoving = false
  #isMoveDue = false
  #lastEventId: string
  #events = 0
  #bytes = 0

  constructor (host: ConnectionHost, options: StreamOptions, tools: ConnectionTools, lastEventId: string | undefined, control: ControlForm) {
    this.control = control
    this.#host = host
    this.#options = options
    this.#tools = tools
    // an integer, which needs no object of its own
    this.#startedAt = Math.round(tools.clock.elapsed())
    this.#lifetime = hasLimits(options, host.recheck) ? new Lifetime(this, options, tools) : undefined
    this.#lastEventId = lastEventId ?? ''
  }

  /** Events that were handed to the socket. */
  get events (): number { return this.#events }
  /** Bytes of the event stream that were handed to the socket, without HTTP's own framing. */
  get bytes (): number { return this.#bytes }
  /** Aborted when the stream has ended. */
  get signal (): AbortSignal { return this.#source.signal }
  /** True where the source ends by itself when the server drains. */
  get isWaitedFor (): boolean { return this.#source.isWaitedFor }
  /** Whether the application still allows the stream: its host asks. */
  get recheck (): (() => unknown) | undefined { return this.#host.recheck }

  /** Starts the source. Nothing is committed before its first event, its `ready()`, or `commitDelayMs`. */
  start (source: unknown, codec: EventCodec | undefined): void {
    const { deadlines } = this.#tools
    const context = new StreamContext(this, this.#lastEventId === '' ? undefined : this.#lastEventId, codec)
    try {
      this.#source.hold(openSource(source, context, () => context.arguments()))
    } catch (error) {
      if (this.#state === 'closed') return
      if (this.#state === 'setting-up') return this.#fail(error)
      // ready() has committed the stream, so the failure is reported in it
      this.#source.hold(openSource(() => Promise.reject(error), context, () => context.arguments()))
    }
    // the source itself may have ended the stream, and the client may have left before
    if (this.#reason !== undefined) this.#cancelSource(this.#reason)
    this.#advance()
    if (this.#state === 'closed') return this.#source.release()
    const { commitDelayMs } = this.#options
    const commit = (): void => { if (this.#source.isSought) this.#commitDeadline = deadlines.set(commitDelayMs + 1, commit); else this.#commit() }
    if (this.#state === 'setting-up') this.#commitDeadline = deadlines.set(commitDelayMs, commit)
    this.#lifetime?.start()
  }

  /** The head is sent: from here on `writer` is how to reach the client. */
  opened (writer: Writer): void {
    if (this.#state !== 'committing') return writer.destroy()
    this.#state = 'open'
    this.#writer = writer
    writer.watch(this, this.#options.writeTimeoutMs, this.#tools)
    this.#tools.heartbeats?.add(this)
    this.#lifetime?.watchIdle()
    this.#begin()
    this.#advance()
  }

  /** Ends the stream for a reason that is not the source's own. What is ready is still sent to a client that reads. */
  end (reason: Exclude<EndReason, 'done' | 'failed' | 'lagged'>, { retryMs, detail, error }: { retryMs?: number, detail?: string, error?: Error } = {}): void {
    if (this.#state === 'closed') return
    const ended = new EventStreamEnded(reason, detail, retryMs)
    if (reason === 'client' || reason === 'superseded' || reason === 'write-timeout') {
      // where it was ending already, that was the reason
      this.#reason ??= ended
      if (reason === 'write-timeout') this.#writer?.destroy()
      this.#close()
      return
    }
    if (this.#reason !== undefined) return
    this.#reason = ended
    this.#error = error
    this.#lifetime?.stop()
    if (retryMs !== undefined) this.#keep(comeBackAfter(this.control, retryMs))
    this.#cancelSource(ended)
    this.#advance()
  }

  /** Cuts the line now. What was not delivered is lost; a client that comes back resumes. */
  destroy (error?: Error): void {
    if (this.#state === 'closed') return
    if (this.#reason === undefined) this.#error = error
    this.#reason ??= new EventStreamEnded(error === undefined ? 'client' : 'failed')
    this.#writer?.destroy()
    this.#close()
  }

  /** The source has more to read, or has ended. */
  wake (): void { this.#advance() }

  /** The application wants the stream to be committed before there is an event. */
  ready (): void { this.#commit() }
  misheard (type: string): void { this.#host.misheard(type) }
  onFree (): void { this.#advance() }
  onStalled (): void { this.end('write-timeout') }
  onGone (error?: Error): void { this.destroy(error) }

  beat (): void {
    if (this.#state !== 'open' || this.#writer === undefined) return
    // a client may be gone without a word of Node's: a stream that is quiet finds out here
    if (this.#writer.isGone) return this.onGone()
    if (this.#writer.isBusy) return
    this.#write(this.#source.quiet() ?? HEARTBEAT)
    // what words a bookmark may have ended the stream
    if (this.#reason !== undefined) this.#advance()
  }

  /** Moves on as far as it goes: commits, writes until the client is busy, ends. */
  #advance (): void {
    this.#isMoveDue = true
    if (this.#isMoving) return
    this.#isMoving = true
    try {
      while (this.#isMoveDue && this.#source.isHeld) {
        this.#isMoveDue = false
        if (this.#state === 'open') this.#flow()
        else if (this.#state === 'setting-up') this.#peek()
      }
    } catch (error) {
      this.#crash(error)
    } finally {
      this.#isMoving = false
    }
  }

  /** Looks whether the source has an event, or its end, so that the stream can be committed or refused. */
  #peek (): void {
    const first = this.#source.readFirst(this.control.refusesFailures)
    const { end } = this.#source
    if (first !== undefined) this.#keep(first)
    // what the source has called may have committed the stream, or ended it
    if (this.#state !== 'setting-up' || (first === undefined && end === undefined)) return
    const isEmpty = end?.kind === 'failed' && end.isFinal === true ? this.control.refusesFailures && (first?.events ?? 0) === 0 : first === undefined
    if (isEmpty && end?.kind === 'failed' && this.#reason === undefined) this.#fail(end.error)
    else this.#commit()
  }

  #commit (): void {
    if (this.#state !== 'setting-up') return
    this.#state = 'committing'
    this.#commitDeadline?.cancel()
    this.#commitDeadline = undefined
    this.#host.commit()
  }

  /** Says when to come back, in one write with what is ready. */
  #begin (): void {
    const first = this.#held
    // a large batch is shared with others, and is not copied
    const isCopied = first !== undefined && first.length <= FIRST_WRITE_BYTES
    if (isCopied) this.#held = undefined
    this.#write(beginning(this.#options.retryMs, isCopied ? first : undefined))
  }

  #flow (): void {
    const source = this.#source
    const writer = this.#writer
    if (writer === undefined) return
    while (!writer.isBusy) {
      let batch = this.#held
      if (batch === undefined) batch = source.read()
      else this.#held = undefined
      if (batch !== undefined) this.#write(batch)
      // whoever reads or writes may hear that the client has left
      if (this.#state !== 'open') return
      if (batch === undefined) break
    }
    if (!writer.isBusy && source.end !== undefined) this.#conclude(source.end, writer)
  }

  /** The last word, then the end of the response. */
  #conclude (end: SourceEnd, writer: Writer): void {
    this.#reason ??= new EventStreamEnded(end.kind, end.kind === 'kick' ? 'the signal of its subscription was aborted' : undefined)
    // who has made a source that fails for good reports that
    if (end.kind === 'failed' && end.isFinal !== true && this.#reason.reason === 'failed') this.#error = asError(end.error, 'it failed')
    const { batch, isCut } = lastWord(this.#reason, end, this.control, this.#options, this.#lastEventId)
    this.#write(batch)
    if (this.#state !== 'open') return
    this.#state = 'ending'
    this.#lifetime?.stop()
    this.#tools.heartbeats?.drop(this)
    this.#cancelSource(this.#reason)
    if (isCut) writer.cut(batch.length > 0)
    else writer.end()
  }

  #write (batch: Batch): void {
    if (this.#state !== 'open' || batch.length === 0) return // what was read while it ended goes nowhere
    const heartbeats = this.#tools.heartbeats
    if (heartbeats !== undefined) this.lastWriteSlice = heartbeats.slice
    this.#events += batch.events
    this.#bytes += batch.length
    if (batch.lastEventId !== undefined) this.#lastEventId = batch.lastEventId
    if (batch.events > 0) this.#lifetime?.sent()
    const wasMoving = this.#isMoving
    // another plugin's `write` may call back: what that reads comes after these bytes
    this.#isMoving = true
    try { this.#writer?.write(batch) } catch (error) { this.#crash(error) } finally { this.#isMoving = wasMoving }
    if (!wasMoving && this.#isMoveDue) this.#advance()
  }

  /** Bytes that wait for the head, or while others are read or written: those of one read and one `retry` at most. */
  #keep (batch: Batch): void {
    if (this.#state === 'closed' || batch.length === 0) return
    if (this.#state === 'open' && this.#held === undefined && !this.#isMoving) this.#write(batch)
    else if (this.#held === undefined) this.#held = batch
    else this.#held = joined(this.#held, batch)
  }

  /** The source failed before anything was committed. */
  #fail (error: unknown): void {
    this.#reason = new EventStreamEnded('failed')
    this.#error = error
    // an error handler may call back
    this.#state = 'ending'
    try { this.#host.refuse(error) } finally { this.#close() }
  }

  /** What surrounds the stream has thrown, on whatever stack this is: it ends, and no other. */
  #crash (error: unknown): void {
    if (this.#writer === undefined && this.#state !== 'closed') return this.#fail(error)
    this.destroy(asError(error, 'it failed'))
  }

  #close (): void {
    if (this.#state === 'closed' || this.#source.defers(() => { this.#close() })) return
    this.#state = 'closed'
    const reason = this.#reason ?? new EventStreamEnded('client')
    this.#lifetime?.stop()
    this.#commitDeadline?.cancel()
    this.#tools.heartbeats?.drop(this)
    this.#writer?.release()
    this.#held = undefined
    this.#cancelSource(reason)
    this.#source.release()
    this.#host.ended({
      reason: reason.reason,
      detail: reason.detail,
      durationMs: Math.round(this.#tools.clock.elapsed() - this.#startedAt),
      events: this.#events,
      bytes: this.#bytes,
      error: this.#error
    })
    this.#writer = undefined
  }

  #cancelSource (reason: EventStreamEnded): void {
    this.#source.cancel(reason, (stopped) => { this.#host.stillRunning(stopped) })
  }
}
