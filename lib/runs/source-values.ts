/** A source as values: how a run reads whatever may be given to `reply.sse`. It does not know what becomes of them. */
import { BadSource, describe } from '../errors.ts'
import type { EventsOf, SourceArguments } from '../stream/source.ts'
import { originOf } from '../stream/source.ts'
import type { Origin } from '../stream/iterable-frames.ts'
import { isFrameSourceOpener } from '../wire/frame-source.ts'

/** What a function source of a run gets: the same as on a stream, and the id. */
export interface RunArguments extends SourceArguments {
  /** The id of the run. */
  readonly id: string
  /** A run begins once, and has no client: it is always `undefined`. */
  readonly lastEventId: undefined
}

/** What holds the events of a run. */
type HeldEvents<Event> = EventsOf<Event> | ReadonlyArray<AsyncIterable<Event>> | NodeJS.ReadableStream

/** What may be a run: all that may be streamed. */
export type RunSource<Event> = HeldEvents<Event> | ((source: RunArguments) => HeldEvents<Event> | Promise<HeldEvents<Event>>)

/** Opens anything but a function. Throws `FST_EVENTFEED_BAD_SOURCE`. */
export function originOfValues (source: unknown): Origin {
  if (Array.isArray(source) && source.every(isFrameSourceOpener)) return { iterator: inTurn(source) }
  const origin = originOf(source)
  if (origin === undefined) throw new BadSource(describe(source))
  return origin
}

/** True for what looks like a source, without opening it. */
export function isSource (source: unknown): boolean {
  if (typeof source === 'function') return true
  if (typeof source !== 'object' || source === null) return false
  return Symbol.asyncIterator in source || Symbol.iterator in source || 'getReader' in source || 'then' in source || isFrameSourceOpener(source)
}

/** One of several that are read together. */
interface Member {
  readonly iterator: AsyncIterator<unknown>
  /** What it has answered, or will. */
  next: Promise<{ readonly member: Member, readonly result: IteratorResult<unknown> }>
}

/** The values of several subscriptions, as they come. Without any it stays open and quiet, as a stream of none does. */
function inTurn (sources: readonly unknown[]): AsyncIterator<unknown> {
  const members = new Set<Member>()
  let leave = (): void => {}
  const left = new Promise<undefined>((resolve) => { leave = () => { resolve(undefined) } })
  const ask = (iterator: AsyncIterator<unknown>): void => {
    const member: Member = { iterator, next: Promise.resolve().then(async () => ({ member, result: await iterator.next() })) }
    member.next.catch(() => {})
    members.add(member)
  }
  for (const source of sources) {
    const origin = originOf(source)
    if (origin === undefined) throw new BadSource('an array with a subscription that cannot be read')
    ask(origin.iterator as AsyncIterator<unknown>) // subscriptions are read asynchronously
  }
  return {
    async next () {
      for (;;) {
        const answer = await Promise.race([left, ...[...members].map(({ next }) => next)])
        if (answer === undefined) return { done: true, value: undefined }
        const { member, result } = answer
        // the others come first the next time
        members.delete(member)
        if (result.done !== true) {
          ask(member.iterator)
          return result
        }
        if (members.size === 0) return { done: true, value: undefined }
      }
    },
    async return () {
      leave()
      await Promise.all([...members].map(async ({ iterator }) => await iterator.return?.()))
      return { done: true, value: undefined }
    }
  }
}
