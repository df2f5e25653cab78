/**
 * The event IDs of a stream of several runs: `run=position` pairs. Of a run whose end the client has seen, `==` stands
 * in place of `=`, so that it is not said to be missing when it is freed.
 */
import { joinPositions, splitPositions } from '../wire/event-id.ts'

/** What a client has of one run. */
export interface Seen {
  readonly position: string
  /** True where it has seen the end. */
  readonly hasEnded: boolean
}

/** No log gives longer positions: a client that names one has none. */
const MOST_POSITION_LENGTH = 128

/** No position begins with it. */
const ENDED = '='

/** The id that says what a client has of all runs. Throws `FST_EVENTFEED_ID_TOO_LONG`. */
export function joinSeen (seen: Iterable<readonly [id: string, seen: Seen]>): string {
  return joinPositions(new Map(Array.from(seen, ([id, { position, hasEnded }]) => [id, `${hasEnded ? ENDED : ''}${position}`])))
}

/** What a client has, by the ids of runs; of an id that does not say it, nothing. */
export function splitSeen (lastEventId: string | undefined): Map<string, Seen> {
  const positions = lastEventId === undefined ? undefined : splitPositions(lastEventId)
  const seen = new Map<string, Seen>()
  for (const [id, said] of positions ?? []) {
    const hasEnded = said.startsWith(ENDED)
    const position = hasEnded ? said.slice(ENDED.length) : said
    if (position.length <= MOST_POSITION_LENGTH) seen.set(id, { position, hasEnded })
  }
  return seen
}
