/** A generator as a handler would write it: an event each 100 ms by a timer of its own. */
import { setTimeout } from 'node:timers/promises'
import { nextEvent, type BenchEvent } from './event.ts'

const EVERY_MS = 100

/** Yields ten events a second, for ever. */
export async function * paced (): AsyncGenerator<BenchEvent> {
  for (;;) {
    await setTimeout(EVERY_MS)
    yield nextEvent()
  }
}
