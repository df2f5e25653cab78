/**
 * Streams that were refused: counted by reason, written into the log, and told on a channel. How a refusal is answered
 * is not known here.
 */
import type { FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import { REFUSALS_LOGGED_MS } from '../defaults.ts'
import { streamRefused } from './diagnostics.ts'
import { logRefused, routeOf } from './log.ts'
import { REFUSAL_REASONS, type RefusalReason } from './refusal-reasons.ts'

/** What was written into the log of one reason. */
interface Logged { at: number, since: number }

/** The refused streams of one plugin. */
export class Refusals {
  readonly #clock: Clock
  readonly #counts = Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0])) as Record<RefusalReason, number> // all reasons are there
  readonly #logged = new Map<RefusalReason, Logged>()

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** How many were refused for which reason since the start. All reasons are there; 0 where none was. */
  get counts (): Record<RefusalReason, number> { return { ...this.#counts } }

  /**
   * A request was refused. The first of a reason within a minute is written into the log where operators see it, with
   * how many others there were since the last such line; all others at `debug`: those who are refused come back again
   * and again.
   *
   * @param connectionKey `undefined` where it was refused before that was asked for
   */
  add (reason: RefusalReason, request: FastifyRequest, connectionKey: string | undefined): void {
    this.#counts[reason]++
    const route = routeOf(request)
    const now = this.#clock.elapsed()
    const last = this.#logged.get(reason)
    if (last === undefined || now - last.at >= REFUSALS_LOGGED_MS) {
      logRefused(request.log, { reason, route, connectionKey, since: last?.since ?? 0 })
      this.#logged.set(reason, { at: now, since: 0 })
    } else {
      last.since++
      logRefused(request.log, { reason, route, connectionKey })
    }
    streamRefused({ route, connectionKey, request, reason })
  }
}
