/**
 * What feeds, rooms and runs of one application are made with: its clock, its compilers of schemas, its log, and the
 * rule for their names. It does not know what is made.
 */
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { BadOption, shown } from '../errors.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import { compileData, compileEvents } from '../schema/events.ts'
import type { Compilers, SerializerCompiler } from '../schema/serializer.ts'
import type { EventSchemas } from '../schema/types.ts'
import { isFeedName } from '../wire/event-id.ts'
import { logError } from './log.ts'
import type { MisheardTypes } from './misheard.ts'

/** The workshop of one application. */
export class Workshop {
  readonly clock: Clock
  /** What is due for feeds. */
  readonly deadlines: Deadlines
  readonly #app: FastifyInstance
  readonly #validates: boolean
  readonly #misheard: MisheardTypes

  /** @param validates true where data is validated before it is kept */
  constructor (app: FastifyInstance, clock: Clock, validates: boolean, misheard: MisheardTypes) {
    this.#app = app
    this.clock = clock
    this.deadlines = new Deadlines(clock, (error) => { this.report(error, 'what was due for a feed failed') })
    this.#validates = validates
    this.#misheard = misheard
  }

  /**
   * Compiles declared events, with the schemas that the application has by now. Throws `FST_EVENTFEED_BAD_SCHEMA`.
   *
   * @param whose for the messages, such as `the feed "chat"`
   */
  compile (events: EventSchemas | undefined, whose: string): Pick<FeedParts, 'codec' | 'compile' | 'onMisheard'> {
    const compilers: Compilers = {
      shared: this.#app.getSchemas(), serializer: this.#app.serializerCompiler as SerializerCompiler | undefined, validates: this.#validates
    }
    const codec = events === undefined ? undefined : compileEvents(events, `the events of ${whose}`, compilers)
    if (events !== undefined) this.#misheard.declared(whose, events)
    return {
      codec,
      onMisheard: codec === undefined ? (type) => { this.#misheard.tell(whose, type) } : undefined,
      compile: (event, schema) => compileData(event, schema, compilers)
    }
  }

  /** Checks a name, which may stand in event IDs. Throws `FST_EVENTFEED_BAD_OPTION`. @param whose such as `a feed` */
  checkName (name: unknown, whose: string): void {
    if (isFeedName(name)) return
    throw new BadOption(`the name of ${whose} must be a string of 1 to 128 characters without white space, comma and "=", and not begin with "~", not ${shown(name)}`)
  }

  /** Tells the application's log what has failed. Throws nothing. */
  readonly report = (error: unknown, what: string): void => { logError(this.#app.log, error, what) }
}
