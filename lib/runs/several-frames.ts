/**
 * Several runs on one stream, also some that have not started. Each event's id carries what the client has of all, so
 * each run goes on by itself. The stream ends with the last of them.
 */
import { asError } from '../errors.ts'
import { openPlan } from '../subscription/open-plan.ts'
import { Batch } from '../wire/batch.ts'
import type { Said } from '../wire/control-form.ts'
import type { FrameSource, MemberFrames, SourceContext, SourceEnd } from '../wire/frame-source.ts'
import { isUnknown, type SeveralParts } from './lookup.ts'
import { joinSeen, splitSeen, type Seen } from './positions-seen.ts'
import { RunPlan, type FollowedOutput } from './run-plan.ts'
import { endOfSeveral } from './several-end.ts'

/** One run of a stream. */
interface Member {
  /** `undefined` where the run has not started, or is still looked up, and when it is over. */
  frames: MemberFrames | undefined
  /** True while it is not known whether there is such a run. */
  isSought: boolean
  /** What the client has, where nothing is open. */
  seen: Seen | undefined
  end: SourceEnd | undefined
  stopWaiting: () => void
}

/** The stream of several runs. */
export class SeveralFrames implements FrameSource {
  readonly isWaitedFor = true
  readonly #parts: SeveralParts<SeveralFrames>
  readonly #context: SourceContext
  /** What the client has of runs, when it comes. */
  readonly #seen: Map<string, Seen>
  readonly #members = new Map<string, Member>()
  /** What is to be said before the next event: gaps, and that a run is over. */
  readonly #notices: Batch[] = []
  #turn = 0
  #end: SourceEnd | undefined
  /** True from the end of the drain on: what has not started will not. */
  #isClosed = false
  #isCancelled = false
  readonly #forgetClosed: () => void
  #isReading = false
  /** True when the length of the ids was looked at. */
  #isChecked = false
  /** What a filter has asked for: it waits until the read has returned. */
  readonly #due: Array<() => void> = []

  /** Throws what a run throws that cannot be opened. */
  constructor (parts: SeveralParts<SeveralFrames>, context: SourceContext) {
    this.#parts = parts
    this.#context = context
    this.#seen = splitSeen(context.lastEventId)
    this.#forgetClosed = parts.lookup.onClosed(() => {
      this.#isClosed = true
      this.#wakeSoon()
    })
    try {
      for (const id of parts.ids) this.#follow(id)
    } catch (error) {
      this.release()
      throw error
    }
  }

  get end (): SourceEnd | undefined {
    if (this.#notices.length > 0) return undefined
    this.#end ??= endOfSeveral([...this.#members.values()], { isCancelled: this.#isCancelled, isClosed: this.#isClosed })
    return this.#end
  }

  /** Follows one more run. Does nothing for one that is followed. */
  follow (id: string): void {
    this.#afterRead(() => {
      if (this.#end !== undefined || this.#isCancelled) return
      try {
        this.#follow(id)
      } catch (error) {
        this.#fail(id, error)
      }
      this.#wakeSoon()
    })
  }

  /** Follows it no more: nothing of it comes from now on. */
  unfollow (id: string): void {
    this.#afterRead(() => {
      const member = this.#members.get(id)
      if (member === undefined) return
      this.#members.delete(id)
      this.#seen.delete(id)
      this.#letGo(member)
      // it may have been the last
      this.#wakeSoon()
    })
  }

  read (maxBytes: number): Batch | undefined {
    this.#isReading = true
    try {
      return this.#read(maxBytes)
    } catch (error) {
      // its ids are too long: it cannot go on
      this.#notices.length = 0
      this.#end ??= { kind: 'failed', error }
      return undefined
    } finally {
      this.#isReading = false
      for (const run of this.#due.splice(0)) run()
    }
  }

  #read (maxBytes: number): Batch | undefined {
    if (this.#end !== undefined) return undefined
    const notice = this.#notices.shift()
    if (notice !== undefined) return notice
    if (!this.#isPlaced) return undefined
    if (!this.#isChecked) {
      // an id that is too long is an error of the whole stream, best before anything is sent
      this.#idWith()
      this.#isChecked = true
    }
    const members = [...this.#members]
    for (let count = 0; count < members.length; count++) {
      const [, member] = members[this.#turn++ % members.length] ?? []
      const batch = member?.frames?.read(maxBytes)
      if (batch !== undefined) return batch
      if (member?.frames?.end === undefined) continue
      this.#isOver(member, member.frames.end)
      // at once: its id says what the client has by now
      const said = this.#notices.shift()
      if (said !== undefined) return said
    }
    return undefined
  }

  quiet (): Batch | undefined {
    if (!this.#isPlaced) return undefined
    for (const { frames } of this.#members.values()) {
      const batch = frames?.quiet()
      if (batch !== undefined) return batch
    }
    return undefined
  }

  behind (): { entries: number, bytes: number } {
    const sum = { entries: 0, bytes: 0 }
    for (const { frames } of this.#members.values()) {
      const { entries, bytes } = frames?.behind() ?? sum
      sum.entries += entries
      sum.bytes += bytes
    }
    return sum
  }

  cancel (reason: Error): undefined {
    this.#isCancelled = true
    for (const { frames, stopWaiting } of this.#members.values()) {
      stopWaiting()
      frames?.cancel(reason)
    }
  }

  release (): void {
    this.#isCancelled = true
    this.#notices.length = 0
    this.#forgetClosed()
    for (const member of this.#members.values()) this.#letGo(member)
    this.#parts.onReleased(this)
  }

  /** An id says what the client has of all, so all must be known first. */
  get #isPlaced (): boolean {
    for (const { frames, isSought } of this.#members.values()) if (isSought || frames?.isPlaced === false) return false
    return true
  }

  #follow (id: string): void {
    if (this.#members.has(id)) return
    const member: Member = { frames: undefined, isSought: false, seen: this.#seen.get(id), end: undefined, stopWaiting: () => {} }
    this.#members.set(id, member)
    this.#seek(id, member)
  }

  #seek (id: string, member: Member): void {
    let found
    try {
      found = this.#parts.lookup.find(id)
    } catch (error) {
      return this.#isMissing(id, member, error)
    }
    if (!(found instanceof Promise)) return this.#open(id, member, found)
    member.isSought = true
    found.then((output) => { this.#later(id, member, () => { this.#open(id, member, output) }) }, (error: unknown) => {
      this.#later(id, member, () => { this.#isMissing(id, member, error) })
    })
  }

  /** A log has answered, or a run was started. */
  #later (id: string, member: Member, use: () => void): void {
    member.isSought = false
    this.#afterRead(() => {
      if (this.#members.get(id) !== member || this.#isCancelled) return
      try {
        use()
      } catch (error) {
        this.#fail(id, error)
      }
      this.#wakeSoon()
    })
  }

  #open (id: string, member: Member, output: FollowedOutput): void {
    const { codec, control, owner } = this.#context
    member.frames = openPlan(new RunPlan(output, this.#parts.options), { lastEventId: member.seen?.position, codec, control, owner }, (position) => this.#idWith(id, position))
  }

  /** A run that was added cannot be opened: at the end, the stream has failed. */
  #fail (id: string, error: unknown): void {
    const member = this.#members.get(id)
    if (member !== undefined) member.end = { kind: 'failed', error: asError(error, 'a run could not be followed') }
  }

  #afterRead (run: () => void): void {
    if (this.#isReading) this.#due.push(run)
    else run()
  }

  /** There is no such run: it has not started; or the client has a part of it, and the rest is not kept any more. */
  #isMissing (id: string, member: Member, error: unknown): void {
    const { seen } = member
    if (!isUnknown(error)) {
      member.end = { kind: 'failed', error }
    } else if (seen === undefined) {
      member.stopWaiting = this.#parts.lookup.await(id, () => { this.#later(id, member, () => { this.#seek(id, member) }) })
    } else {
      member.end = { kind: 'done' }
      member.seen = { ...seen, hasEnded: true }
      if (!seen.hasEnded) this.#say((event) => this.#context.control.gap({ requested: seen.position, oldest: null, reason: 'trimmed', feed: id }, event))
    }
  }

  /** All of a run is read. What the client has of it stays in the ids. */
  #isOver (member: Member, end: SourceEnd): void {
    if (this.#isCancelled) return
    const position = member.frames?.position
    this.#letGo(member)
    member.end = end
    if (position === undefined) return
    // one that was closed has not ended for its client, which comes back
    member.seen = { position, hasEnded: end.kind !== 'drain' }
    if (this.#isAnyLeft) this.#say((event) => this.#context.control.bookmark(event))
  }

  get #isAnyLeft (): boolean {
    for (const { end, frames } of this.#members.values()) if (end === undefined && frames?.end === undefined) return true
    return false
  }

  #say (make: (id: string) => Said | undefined): void {
    const said = make(this.#idWith())
    if (said !== undefined && said.text !== '') this.#notices.push(new Batch(said.text, 0, said.lastEventId))
  }

  /** The id when the client has a position of one run, and of the others what it has by now. */
  #idWith (id?: string, position?: string): string {
    const all: Array<readonly [string, Seen]> = []
    for (const [own, { frames, seen }] of this.#members) {
      const known = own === id ? position : frames?.position
      if (known !== undefined) all.push([own, { position: known, hasEnded: false }])
      else if (seen !== undefined) all.push([own, seen])
    }
    return joinSeen(all)
  }

  #letGo (member: Member): void {
    const { frames } = member
    member.stopWaiting()
    member.frames = undefined
    frames?.cancel(new Error('this run is followed no more'))
    frames?.release()
  }

  /** Not from within a call. */
  #wakeSoon (): void {
    process.nextTick(() => { if (!this.#isCancelled) this.#context.owner.wake() })
  }
}
