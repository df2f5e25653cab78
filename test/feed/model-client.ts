/** One client of a world: it connects, reads or does not, is cut, and comes back with what it has got. */
import type { EntryView } from '../../lib/feed/entry.ts'
import type { SnapshotRequest, SnapshotResult } from '../../lib/feed/snapshot.ts'
import type { FeedSubscription } from '../../lib/subscription/subscription.ts'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import { firstWithin } from './history.ts'
import { endsAfter, isLeftOut, isPoisoned, passesWhere, Witness } from './model.ts'
import type { Game } from './model-play.ts'
import { KEYS, type Shape, type SnapshotKind, type Step } from './model-script.ts'
import { OpenStream, turn } from './open-stream.ts'

type State = Array<{ event: string, data: unknown, key: string | undefined }>

/** What a client may come back with. */
interface Mark { lastEventId: string | undefined }

export class Client {
  /** Set by `begin`. */
  witness: Witness
  readonly #game: Game
  readonly #shape: Shape
  readonly #keys: Set<string> | undefined
  #stream: OpenStream | undefined
  #subscription: FeedSubscription | undefined
  #marks: Mark[] = []
  #lastEventId: string | undefined
  /** How far the stream is to be read after `cancel`. */
  #cancelledAt: number | undefined
  #wrong: unknown

  constructor (game: Game, shape: Shape) {
    this.#game = game
    this.#shape = shape
    this.#keys = shape.keys === undefined ? undefined : new Set(shape.keys.map((key) => KEYS[key] ?? ''))
    this.witness = this.#newWitness()
  }

  /** The world has begun: its history is known. */
  begin (): void {
    this.witness = this.#newWitness()
    this.connect()
  }

  #newWitness (): Witness { return new Witness(this.#shape, this.#game.history, () => this.#game.now) }

  get isOpen (): boolean { return this.#stream !== undefined }

  /** True where a client that reads has all. */
  get isUpToDate (): boolean { return this.#stream?.isStalled !== false || this.#stream.source.end !== undefined || this.witness.missing === undefined }

  /** What it would come back with, where it reads and has all that is for it. */
  get toComeBackWith (): string | undefined {
    const { at, snapshot, lastEventId } = this.witness
    const isReading = this.#stream?.isStalled === false && this.#stream.source.end === undefined
    return isReading && at !== undefined && snapshot === undefined ? lastEventId : undefined
  }

  get standing (): string { return `a client stands at ${this.witness.at} and misses ${this.witness.missing}; ${JSON.stringify(this.#stream?.source.behind())}` }

  connect (lastEventId = this.#lastEventId): void {
    const { history, feed } = this.#game
    this.#marks = [{ lastEventId: this.#lastEventId }]
    this.#cancelledAt = undefined
    this.witness.lastEventId = this.#lastEventId
    this.witness.opens(lastEventId, this.#keys)
    const { where, as, throws, from, initial, onGap, ends, everyMs } = this.#shape
    const throwAt = (who: Shape['throws'], number: number): void => { if (throws === who && isPoisoned(this.#shape, number)) throw new Error('poisoned') }
    const takes = (number: number): boolean => {
      throwAt('where', number)
      return passesWhere(this.#shape, number)
    }
    const makes = (number: number): boolean => {
      throwAt('as', number)
      return !isLeftOut(this.#shape, number)
    }
    const options: SubscribeOptions<EntryView, unknown, unknown> = {
      from,
      keys: this.#keys,
      where: where || throws === 'where' ? ({ event, data }) => event === 'state' || takes((data as { number: number }).number) : undefined,
      as: as || throws === 'as' ? ({ event, data }) => event !== 'message' || makes((data as { number: number }).number) ? { data } : undefined : undefined,
      endAfter: ends ? ({ event, data }) => event === 'message' && endsAfter(this.#shape, (data as { number: number }).number) : undefined,
      everyMs,
      initial: initial === 'none' ? undefined : (request) => this.#snapshot(initial, request),
      onGap: onGap === 'none' ? undefined : (request) => this.#snapshot(onGap, request)
    }
    this.#subscription = feed.subscribe(options as SubscribeOptions)
    const head = history.head
    const { isOpening } = feed
    const { knowsHead } = this.#game
    const onEvent = (event: Parameters<Witness['saw']>[0]): void => {
      try {
        see(event)
      } catch (error) {
        // who reads may be the feed, when it wakes the client
        this.#wrong ??= error
      }
    }
    const see = (event: Parameters<Witness['saw']>[0]): void => {
      const isFirst = this.witness.at === undefined && this.witness.snapshot === undefined
      this.witness.saw(event, this.#game.now)
      if (this.#cancelledAt !== undefined && (this.witness.at ?? 0) > this.#cancelledAt) throw new Error('what came after it was cancelled')
      const isLatest = this.witness.at === head || !knowsHead || (isOpening && (this.witness.at ?? -1) > head)
      if (isFirst && from === 'latest' && lastEventId === undefined && !isLatest) throw new Error(`the latest is ${head}, and it began at ${this.witness.at}`)
      this.#marks.push({ lastEventId: this.witness.lastEventId })
    }
    this.#stream = new OpenStream(this.#subscription, { after: lastEventId, onEvent })
  }

  /** True where a stream may end though the feed goes on: at the entry, or for a client that comes back with its id. */
  get #isOver (): boolean {
    const { isOver, requested, at } = this.witness
    return isOver || (requested !== undefined && at !== undefined && endsAfter(this.#shape, at) && this.#game.history.positionOf(at) === requested)
  }

  /** True where it may wait for a tick, and say only then where it stands. */
  get hasTicks (): boolean { return this.#shape.everyMs !== undefined }

  cut (lost: number): void {
    this.#lastEventId = this.#marks[Math.max(0, this.#marks.length - 1 - lost)]?.lastEventId
    this.#stream?.close()
    this.#stream = undefined
  }

  /** After anything that may have ended the stream. */
  look (): void {
    if (this.#wrong !== undefined) throw this.#wrong
    const { end, isStalled } = this.#stream === undefined ? { end: undefined, isStalled: true } : { end: this.#stream.source.end, isStalled: this.#stream.isStalled }
    if (end === undefined || isStalled) return
    if (end.kind === 'failed' && !(this.#game.hasFailed && end.isFinal === true)) throw end.error
    if (end.kind === 'lagged' && this.#game.world.mode !== 'disconnect') throw new Error('it was disconnected')
    if (end.kind === 'lagged') this.#wasTooSlow()
    if ((end.kind === 'done' || end.kind === 'failed') && this.#cancelledAt === undefined) {
      if (!this.#game.feed.isComplete && !this.#isOver) throw new Error('the stream is done, and the feed is not')
      if (!this.#isOver) this.witness.passes(this.#game.history.head, 'the end')
    }
    this.cut(0)
  }

  do (step: Extract<Step, { client: number }>): void {
    if (step.do === 'malformed') {
      this.cut(0)
      this.connect('garbage')
      return
    }
    const stream = this.#stream
    if (stream === undefined) return this.connect()
    if (step.do === 'stall') stream.stall()
    else if (step.do === 'resume') stream.resume()
    else if (step.do === 'quiet') stream.quiet()
    else if (step.do === 'read') stream.read(stream.isStalled ? step.batches : Infinity, step.maxBytes)
    else if (step.do === 'cut') this.cut(step.lost)
    else if (step.do === 'cancel') this.cancel(stream)
    else if (step.do === 'follow' || step.do === 'unfollow') this.#follow(step.do, KEYS[step.key] ?? '', this.#shape.ends ? 0 : step.last)
  }

  cancel (stream: OpenStream): void {
    this.#cancelledAt = this.#game.history.head
    const isPlaced = this.witness.at !== undefined && this.witness.snapshot === undefined
    stream.cancel()
    stream.resume()
    const { retain, maxLagBytes, maxLagMs } = this.#game.world
    const fallsBehind = retain.entries < 1000 || Math.min(retain.bytes, retain.ageMs, maxLagBytes, maxLagMs) !== Infinity
    if (this.#game.isInMemory && isPlaced && !fallsBehind && stream.source.end === undefined) throw new Error('it was cancelled, and all was read, but it has no end')
    this.cut(0)
  }

  #follow (how: 'follow' | 'unfollow', key: string, last: number): void {
    // one that looks for its place has no keys of its own yet
    if (this.#keys === undefined || this.witness.at === undefined) return
    if (how === 'follow') {
      this.#subscription?.follow(key, { last })
      this.witness.follow(key, last, this.#game.knowsHead)
      this.#keys.add(key)
    } else {
      this.#subscription?.unfollow(key)
      this.witness.unfollow(key)
      this.#keys.delete(key)
    }
  }

  #wasTooSlow (): void {
    const { isInMemory, history, now } = this.#game
    const { where, keys, as, throws, ends, everyMs } = this.#shape
    if (ends || everyMs !== undefined) return
    if (!isInMemory || where || throws !== 'never' || keys !== undefined || as || this.witness.at === undefined) return
    if (this.witness.at + 1 >= firstWithin(history, now)) throw new Error(`it was disconnected at ${this.witness.at}, and ${firstWithin(history, now)} was within the limits`)
  }

  #snapshot (kind: SnapshotKind, { position, gap }: SnapshotRequest): SnapshotResult<unknown> | Promise<SnapshotResult<unknown>> {
    const { history } = this.#game
    const { witness } = this
    if (gap === undefined && (witness.requested !== undefined || this.#shape.from !== undefined)) throw new Error('the initial state was not to be asked')
    if (gap !== undefined) witness.checkGap(gap)
    if (this.#game.knowsHead && history.numberOf(position) !== history.head) throw new Error('a snapshot is asked as of the head')
    const taken = { asOf: history.numberOf(position), gap, keys: new Set(witness.follows?.keys()) }
    witness.snapshot = taken
    if (kind === 'sync') return stateOf(taken.asOf)
    if (kind === 'async') return (async () => { await turn(); await turn(); return stateOf(taken.asOf) })()
    if (kind === 'after older') {
      taken.asOf = Math.max(0, taken.asOf - 2)
      return { events: stateOf(taken.asOf), after: history.positionOf(taken.asOf) }
    }
    return (async () => {
      await turn()
      await turn()
      taken.asOf = history.head
      return { events: stateOf(taken.asOf), after: history.positionOf(taken.asOf) }
    })()
  }
}

function stateOf (asOf: number): State {
  return KEYS.map((key) => ({ event: 'state', data: { asOf, key }, key }))
}
