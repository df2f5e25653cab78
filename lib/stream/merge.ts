/**
 * Several feeds on one stream. Each event's id carries the positions of all, as `feed=position` pairs, so that each
 * feed resumes, and reports its gap, by itself.
 */
import { BadSource, shown } from '../errors.ts'
import type { Batch } from '../wire/batch.ts'
import { joinPositions, splitPositions } from '../wire/event-id.ts'
import {
  isMemberOpener, openFrames, openMember,
  type FrameSource, type FrameSourceOpener, type MemberFrames, type MemberOpener, type SourceContext, type SourceEnd
} from '../wire/frame-source.ts'

/** No log gives longer positions, but a client may send anything: the ids of its stream would be too long. */
const MOST_POSITION_LENGTH = 1_000

/** One opener of several subscriptions. Throws `FST_EVENTFEED_BAD_SOURCE` where they are not of different feeds. */
export function merge (openers: readonly FrameSourceOpener[]): FrameSourceOpener {
  const subscriptions = openers.filter(isMemberOpener)
  if (subscriptions.length < openers.length) throw new BadSource('an array of subscriptions and other things')
  const names = new Set<string>()
  for (const { feedName } of subscriptions) {
    if (names.has(feedName)) throw new BadSource(`an array with two subscriptions of the feed ${shown(feedName)}: use one, with a wider filter`)
    names.add(feedName)
  }
  return { [openFrames]: (context) => new MergedFrames(subscriptions, context) }
}

/** The streams of several feeds, in turn. */
class MergedFrames implements FrameSource {
  readonly #members = new Map<string, MemberFrames>()
  #turn = 0
  /** True when the length of the ids was looked at. */
  #isChecked = false

  constructor (subscriptions: readonly MemberOpener[], context: SourceContext) {
    const { lastEventId, codec, control, owner } = context
    const positions = lastEventId === undefined ? new Map<string, string>() : splitPositions(lastEventId)
    for (const subscription of subscriptions) {
      const name = subscription.feedName
      // an id of no such form is no position of any of them: each reports it
      const own = positions === undefined ? lastEventId : positions.get(name)
      try {
        this.#members.set(name, subscription[openMember]({ lastEventId: own, codec, control, owner }, (position) => this.#idWith(name, position)))
      } catch (error) {
        this.release()
        throw error
      }
    }
  }

  get end (): SourceEnd | undefined {
    let isOver = true
    let last: SourceEnd = { kind: 'done' }
    for (const { end } of this.#members.values()) {
      // of one that has failed for good nothing more comes, but of the others
      const isFinal = end?.kind === 'done' || (end?.kind === 'failed' && end.isFinal === true)
      if (end !== undefined && !isFinal) return end
      if (end?.kind === 'failed') last = end
      isOver &&= end !== undefined
    }
    return isOver ? last : undefined
  }

  get isWaitedFor (): boolean { return [...this.#members.values()].some(({ isWaitedFor }) => isWaitedFor === true) }

  read (maxBytes: number): Batch | undefined {
    if (!this.#isPlaced) return undefined
    if (!this.#isChecked) {
      // an id that is too long is an error of the whole stream, best before anything is sent
      this.#idWith('', '')
      this.#isChecked = true
    }
    const members = [...this.#members.values()]
    for (let count = 0; count < members.length; count++) {
      const batch = members[this.#turn++ % members.length]?.read(maxBytes)
      if (batch !== undefined) return batch
    }
    return undefined
  }

  quiet (): Batch | undefined {
    if (!this.#isPlaced) return undefined
    for (const member of this.#members.values()) {
      const batch = member.quiet()
      if (batch !== undefined) return batch
    }
    return undefined
  }

  behind (): { entries: number, bytes: number } {
    const sum = { entries: 0, bytes: 0 }
    for (const member of this.#members.values()) {
      const { entries, bytes } = member.behind()
      sum.entries += entries
      sum.bytes += bytes
    }
    return sum
  }

  cancel (reason: Error): undefined {
    for (const member of this.#members.values()) member.cancel(reason)
  }

  release (): void {
    for (const member of this.#members.values()) member.release()
  }

  /** An id carries all positions, so all must be known first. */
  get #isPlaced (): boolean {
    return [...this.#members.values()].every(({ isPlaced }) => isPlaced)
  }

  /**
   * A feed that has given no position yet, because its first snapshot is not sent, is left out: it starts over when
   * the client returns.
   */
  #idWith (name: string, position: string): string {
    const positions = Array.from(this.#members, ([feed, member]) => [feed, feed === name ? position : member.position] as const)
    return joinPositions(new Map(positions.flatMap(([feed, known]) => known === undefined ? [] : [[feed, fit(known)]])))
  }
}

/** What a client asked with may not fit in a list; any other malformed position does as well. */
function fit (position: string): string {
  return position.length > MOST_POSITION_LENGTH || /[,\p{Cc}]/u.test(position) ? '' : position
}
