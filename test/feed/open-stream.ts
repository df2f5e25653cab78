/** Feeds and their streams without HTTP: opened, read, stalled and cut as a connection does it, but when a test says so. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createParser } from 'eventsource-parser'
import { systemClock } from '../../lib/clock.ts'
import { BATCH_BYTES } from '../../lib/defaults.ts'
import type { FeedParts } from '../../lib/feed/feed-parts.ts'
import { LogFeed } from '../../lib/subscription/feed.ts'
import type { FeedSubscription } from '../../lib/subscription/subscription.ts'
import type { EventLog } from '../../lib/log/contract.ts'
import type { FeedRetainOptions } from '../../lib/log/retention.ts'
import type { EventCodec } from '../../lib/wire/codec.ts'
import { EVENTS_FORM, type ControlForm } from '../../lib/wire/control-form.ts'
import { openFrames, type FrameSource, type FrameSourceOpener } from '../../lib/wire/frame-source.ts'
import type { Gap } from '../../lib/wire/protocol.ts'
import { plainText } from '../../lib/wire/event.ts'
import type { Seen } from './listener.ts'

export interface FeedMade extends Partial<Pick<FeedParts, 'clock' | 'codec' | 'initial' | 'onGap' | 'onFault' | 'onFreed'>>, Partial<FeedParts['lag']> {
  log?: EventLog
  retain?: FeedRetainOptions
}

/** A feed of its own, without an application. */
export function feedOf ({ clock = systemClock, retain, log, codec, initial, onGap, mode = 'disconnect', maxLagBytes = Infinity, maxLagMs = Infinity, onFault = () => {}, onFreed = () => {} }: FeedMade = {}): LogFeed {
  const feed = new LogFeed({
    name: 'numbers', log, retain, clock, codec, compile: () => plainText, lag: { mode, maxLagBytes, maxLagMs }, initial, onGap, onEnd: () => {}, onFreed, onFault
  })
  feed.open()
  return feed
}

/** One turn of the event loop: all that was published in this tick has arrived, and a page that was asked for may have. */
export async function turn (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** How many bytes of objects are held, when all else is collected. */
export async function heldBytes (): Promise<number> {
  // what was made in this turn is still held by it
  for (let count = 0; count < 3; count++) {
    await turn()
    collectGarbage()
  }
  return process.memoryUsage().heapUsed
}

/** Waits for a fact, some thousand turns of the event loop at most. */
export async function until (fact: () => boolean, what: string | (() => string)): Promise<void> {
  for (let turns = 0; !fact(); turns++) {
    if (turns === 5000) throw new Error(`this did not come true: ${typeof what === 'string' ? what : what()}`)
    await turn()
  }
}

/** Data, and in place of it the position of what is reported as failed. */
export function toldBy (events: readonly Seen[]): unknown[] {
  const isGap = ({ event, data }: Seen): boolean => event === 'stream:gap' && (JSON.parse(data) as Gap).reason === 'failed'
  return events
    .filter((seen) => isGap(seen) || !seen.event.startsWith('stream:'))
    .map((seen) => isGap(seen) ? `failed ${seen.id}` : JSON.parse(seen.data) as unknown)
}

export interface OpenOptions {
  after?: string | undefined
  codec?: EventCodec | undefined
  /** Default: that of an `EventSource`. */
  control?: ControlForm | undefined
  /** Reads nothing by itself. */
  isStalled?: boolean
  /** Called for each event, when it is read. */
  onEvent?: (event: Seen) => void
}

/** One open stream: each wake is one read of all there is, as with a client that takes everything. */
export class OpenStream {
  readonly events: Seen[] = []
  readonly source: FrameSource
  wakes = 0
  isStalled: boolean
  #isClosed = false
  readonly #onEvent: (event: Seen) => void

  constructor (subscription: FrameSourceOpener, { after, codec, control = EVENTS_FORM, isStalled = false, onEvent = () => {} }: OpenOptions = {}) {
    this.isStalled = isStalled
    this.#onEvent = onEvent
    this.source = subscription[openFrames]({
      lastEventId: after,
      codec,
      control,
      signal: new AbortController().signal,
      owner: {
        wake: () => {
          this.wakes++
          if (!this.isStalled) this.read()
        }
      }
    })
    if (!isStalled) this.read()
  }

  /** Opens it, and waits until it has begun. */
  static async begun (subscription: FeedSubscription, options?: OpenOptions): Promise<OpenStream> {
    const stream = new OpenStream(subscription, options)
    if (!stream.isStalled) await until(() => stream.events.length > 0, 'the stream begins')
    return stream
  }

  /** Reads so many batches, or all there is. Returns how many there were. */
  read (batches = Infinity, maxBytes = BATCH_BYTES): number {
    if (this.#isClosed) return 0
    let read = 0
    for (; read < batches; read++) {
      const batch = this.source.read(maxBytes)
      if (batch === undefined) break
      this.#take(String(batch.bytes))
    }
    return read
  }

  /** What a heartbeat says. */
  quiet (): void {
    const batch = this.source.quiet()
    if (batch !== undefined) this.#take(String(batch.bytes))
  }

  stall (): void { this.isStalled = true }

  resume (): void {
    this.isStalled = false
    this.read()
  }

  cancel (): void { this.source.cancel(new Error('cancelled')) }

  close (): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.cancel()
    this.source.release()
  }

  /** The events that are not control events. */
  get own (): Seen[] { return this.events.filter(({ event }) => !event.startsWith('stream:')) }

  get told (): unknown[] { return toldBy(this.events) }

  get data (): unknown[] { return this.own.map(({ data }) => JSON.parse(data) as unknown) }

  get lastEventId (): string | undefined { return this.events.findLast(({ id }) => id !== undefined)?.id }

  get gaps (): unknown[] { return this.events.filter(({ event }) => event === 'stream:gap').map(({ data }) => JSON.parse(data) as unknown) }

  #take (text: string): void {
    const parser = createParser({
      onEvent: ({ event = 'message', data, id }) => {
        this.events.push({ event, data, id })
        this.#onEvent({ event, data, id })
      }
    })
    parser.feed(text)
  }
}
