/**
 * Event types that browsers take for news of the connection: `EventSource` calls its own handlers `onerror` and `onopen`
 * for events of the types `error` and `open`, while all is well. Protocols of others use them, so they are not refused.
 */
import type { FastifyBaseLogger } from 'fastify'
import { MISHEARD_TOLD } from '../defaults.ts'
import { isMisheard } from '../wire/event.ts'
import { logMisheard } from './log.ts'

/** Warns of such event types: once for each feed or route, and type. */
export class MisheardTypes {
  readonly #log: () => FastifyBaseLogger
  readonly #told = new Set<string>()

  constructor (log: () => FastifyBaseLogger) {
    this.#log = log
  }

  /** Somebody sends events of such a type. @param whose such as `the feed "chat"`, or `GET /chat` */
  readonly tell = (whose: string, type: string): void => {
    const told = `${type} ${whose}`
    if (this.#told.has(told)) return
    // feeds come and go, under any names
    if (this.#told.size >= MISHEARD_TOLD) this.#told.clear()
    this.#told.add(told)
    logMisheard(this.#log(), whose, type)
  }

  /** Somebody declares these events. What is no object of schemas is refused elsewhere. */
  declared (whose: string, events: object): void {
    for (const type of Object.keys(events)) if (isMisheard(type)) this.tell(whose, type)
  }
}
