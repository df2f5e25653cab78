/** A client of a world: it follows, leaves and comes back, and each event is held against the model. */
import type { RunFamily } from '../../lib/runs/run-family.ts'
import type { FrameSourceOpener } from '../../lib/wire/frame-source.ts'
import { OpenStream } from '../feed/open-stream.ts'
import type { Seen } from '../feed/listener.ts'
import type { Model, ModelRun } from './model.ts'
import type { ClientShape, Slot } from './model-script.ts'

/** What the data of an event says: which run, and which event of it. */
export interface Said { readonly slot: Slot, readonly round: number, readonly n: number }

/** What a client has of one run. */
interface Place { readonly run: ModelRun, next: number }

/** One in three is left out by a filter. */
export const isTaken = ({ n }: Said): boolean => n % 3 !== 0

export class Client {
  readonly shape: ClientShape
  stream: OpenStream | undefined
  lastEventId: string | undefined
  /** True when it has been told that no more will come. */
  isOver = false
  readonly #model: Model
  readonly #now: () => number
  readonly #places = new Map<Slot, Place>()
  /** The runs of which a gap was told, so that the next event may be a later one, or of another round. */
  readonly #gaps = new Set<Slot>()
  /** The runs that the open stream follows. */
  readonly #followed = new Map<Slot, ModelRun>()
  /** What was wrong while an event was taken: a stream would hide it. */
  #wrong: unknown

  constructor (model: Model, now: () => number, shape: ClientShape) {
    this.#model = model
    this.#now = now
    this.shape = shape
  }

  get isSeveral (): boolean { return this.shape.slots.length > 1 }

  /** Comes, or comes back with the last event ID. Does nothing where it is there, or was told not to come back. */
  follow (runs: RunFamily): void {
    if (this.stream !== undefined || this.isOver) return
    const { slots, skip, hasFilter } = this.shape
    const [slot = 'a'] = slots
    const where = hasFilter ? ({ data }: { data: unknown }) => isTaken(data as Said) : undefined
    const known = this.isSeveral ? undefined : this.#model.known(slot, this.#now())
    this.#gaps.clear()
    this.#followed.clear()
    for (const one of slots) this.#attach(one)
    let opener: FrameSourceOpener
    try {
      opener = this.isSeveral ? runs.follow(slots, { where, skip }) : runs.follow(slot, { where, skip })
      this.stream = new OpenStream(opener, { after: this.lastEventId, onEvent: (event) => { this.#take(event) } })
    } catch (error) {
      if (this.isSeveral || known !== undefined || (error as { code?: string }).code !== 'FST_EVENTFEED_UNKNOWN_RUN') throw error
    }
  }

  /** A run is known: a stream of several takes it where it waits for it. */
  started (slot: Slot): void {
    if (this.isSeveral && this.stream !== undefined) this.#attach(slot)
  }

  #attach (slot: Slot): void {
    const run = this.#model.known(slot, this.#now())
    // a run that its last event ID names, and that is not kept, is over for it
    const isNamed = this.#hasOf(slot, '=') && this.stream !== undefined
    if (run !== undefined && !isNamed && !this.#followed.has(slot) && this.shape.slots.includes(slot)) this.#followed.set(slot, run)
  }

  /** True where the last event ID of several runs says of one that the client has a part (`=`), or the end (`==`). */
  #hasOf (slot: Slot, what: '=' | '=='): boolean {
    return `,${this.lastEventId}`.includes(`,${slot}${what}`)
  }

  leave (): void {
    if (this.stream === undefined) return
    this.stream.close()
    this.stream = undefined
  }

  /** Looks whether the stream has ended, and in the right way. Throws where it has not. */
  look (): void {
    if (this.#wrong !== undefined) throw this.#wrong
    const end = this.stream?.source.end
    if (this.stream === undefined || end === undefined) return
    const error = end.kind === 'failed' ? end.error as { code?: string } : undefined
    // of a log that was asked: nobody knows the id
    if (error?.code === 'FST_EVENTFEED_UNKNOWN_RUN') {
      const [slot = 'a'] = this.shape.slots
      if (this.#followed.has(slot)) throw new Error(`${slot} was known, and was not found`)
      return this.leave()
    }
    if (end.kind === 'drain') return this.leave()
    this.isOver = true
    for (const run of this.#followed.values()) run.isTold = true
    const places = [...this.#places.values()]
    for (const { run, next } of places) {
      if (run.state === 'running') throw new Error(`the stream of ${run.slot} has ended, and the run has not`)
      const missing = this.#wanted(run, next)
      if (missing.length > 0) throw new Error(`the stream of ${run.slot} has ended without ${missing}`)
    }
    const isFailure = ({ state, isDrained }: ModelRun): boolean => state === 'failed' || isDrained
    const run = this.#followed.get(this.shape.slots[0] ?? 'a')
    if (!this.isSeveral && run !== undefined) {
      if (isFailure(run) !== (end.kind === 'failed')) throw new Error(`${run.slot} is ${run.state}, and its stream says ${end.kind}`)
      if (end.kind === 'done' && end.reason !== run.reason) throw new Error(`${run.slot} was stopped by ${run.reason}, and its stream says ${end.reason}`)
    } else if (end.kind === 'failed' && places.length > 0 && !places.some(({ run: one }) => isFailure(one)) && places.length === this.shape.slots.length) {
      throw new Error('the stream of several has failed, and none of them has')
    }
    this.leave()
  }

  /** The events that it still lacks of runs that it follows; none where it has all. */
  get lacks (): string[] {
    if (this.stream === undefined) return []
    return this.shape.slots.flatMap((slot) => {
      const place = this.#places.get(slot)
      const run = this.#followed.get(slot)
      if (run === undefined) return []
      const next = place?.run === run ? place.next : 1 + this.shape.skip
      return this.#wanted(run, next).map((n) => `${slot} ${n}`)
    })
  }

  #wanted ({ events }: ModelRun, next: number): number[] {
    const { hasFilter } = this.shape
    return Array.from({ length: Math.max(0, events - next + 1) }, (_, index) => next + index).filter((n) => !hasFilter || n % 3 !== 0)
  }

  #take (event: Seen): void {
    try {
      this.#took(event)
    } catch (error) {
      this.#wrong ??= error
    }
  }

  #took ({ event, data, id }: Seen): void {
    if (id !== undefined && id !== '') this.lastEventId = id
    for (const run of this.#followed.values()) run.isTold ||= this.#hasOf(run.slot, '==')
    if (event === 'stream:gap') return this.#missed(JSON.parse(data) as { reason: string, feed?: Slot })
    if (event.startsWith('stream:')) return
    const said = JSON.parse(data) as Said
    const { slot, round, n } = said
    const { skip, hasFilter, slots } = this.shape
    // who follows a run that has made way gets what remains of it
    const run = this.#followed.get(slot) ?? this.#model.runs.get(slot)
    if (!slots.includes(slot) || run === undefined) throw new Error(`an event of ${slot} came, which is not followed`)
    let place = this.#places.get(slot)
    const hasGap = this.#gaps.delete(slot)
    if (place?.run.round !== round) {
      if (run.round !== round) throw new Error(`an event of an older run ${slot} came`)
      if (place !== undefined && this.isSeveral && !hasGap) throw new Error(`another run ${slot} came without a gap`)
      place = { run, next: 1 + skip }
      this.#places.set(slot, place)
    }
    const expected = this.#wanted({ ...place.run, events: Math.max(n, place.next) }, place.next)[0]
    if (hasFilter && !isTaken(said)) throw new Error(`${slot} ${n} was to be filtered`)
    if (n < place.next) throw new Error(`${slot} ${n} came twice, or too late: ${place.next} was next`)
    if (n !== expected) {
      if (!hasGap) throw new Error(`${slot} ${n} came, without ${expected}, and without a gap`)
      if (n > this.#first(place)) throw new Error(`${slot} ${n} came after a gap, though ${this.#first(place)} is kept`)
    }
    place.next = n + 1
  }

  /** The first event that is kept of what it takes. */
  #first ({ run }: Place): number {
    return this.#wanted(run, Math.max(this.#model.oldestOf(run), 1 + this.shape.skip))[0] ?? Infinity
  }

  #missed ({ reason, feed }: { reason: string, feed?: Slot }): void {
    const [slot = 'a'] = feed === undefined ? this.shape.slots : [feed]
    this.#gaps.add(slot)
    const place = this.#places.get(slot)
    const run = this.#model.runs.get(slot)
    // a run that makes way, one that was freed, and one that was trimmed
    const isOther = place === undefined || place.run !== run || this.#model.known(slot, this.#now()) === undefined
    const isTrimmed = place !== undefined && place.next < this.#model.oldestOf(place.run)
    const beganLate = run !== undefined && this.#model.oldestOf(run) > 1 + this.shape.skip
    if (!isOther && !isTrimmed && !beganLate) throw new Error(`a gap (${reason}) of ${slot} was told, of which nothing is missing`)
  }
}
