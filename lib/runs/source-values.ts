/** A source as values: how a run reads whatever may be given to `reply.sse`. It does not know what becomes of them. */
import { BadSource, describe } from '../errors.ts'
import type { EventsOf, SourceArguments } from '../stream/source.ts'
import { originOf } from '../stream/source.ts'
import type { Origin } from '../stream/iterable-frames.ts'
import { isFrameSourceOpener } from '../wire/frame-source.ts'
import { Gathered } from './gathered.ts'

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

/** A source of such events, whatever they are. */
export type RunSourceOf<Event> = EventsOf<Event> | ((source: RunArguments) => EventsOf<Event> | Promise<EventsOf<Event>>)

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

/** The values of several subscriptions, as they come. Without any it stays open and quiet, as a stream of none does. */
function inTurn (sources: readonly unknown[]): AsyncIterator<unknown> {
  const gathered: Gathered = new Gathered({
    onOver: (_place, failure) => { if (failure !== undefined) throw failure.error },
    isOver: () => sources.length > 0 && gathered.size === 0
  })
  for (const [place, source] of sources.entries()) {
    const origin = originOf(source)
    if (origin === undefined) throw new BadSource('an array with a subscription that cannot be read')
    gathered.add(place, origin.iterator as AsyncIterator<unknown>) // subscriptions are read asynchronously
  }
  return gathered
}
