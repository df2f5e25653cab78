/** Families of rooms without an application, for tests: time passes when the test says so. */
import type { Test } from 'tap'
import { readRoomsOptions, type RoomsOptions } from '../../lib/rooms/options.ts'
import { RoomFamily } from '../../lib/rooms/room-family.ts'
import { plainText } from '../../lib/wire/event.ts'
import { ManualClock } from '../clock.ts'
import { turn } from '../feed/open-stream.ts'

/** What was reported to the application's log. */
export interface Reported { readonly error: unknown, readonly what: string }

/** A family, its clock, and what it has reported. It is closed when the test ends; then no timer may be left. */
export function familyOf (t: Test, options: RoomsOptions = {}): { rooms: RoomFamily, clock: ManualClock, reported: Reported[] } {
  const clock = new ManualClock()
  const reported: Reported[] = []
  const rooms = new RoomFamily({
    name: 'room', settings: readRoomsOptions(options), clock, codec: undefined, compile: () => plainText, report: (error, what) => { reported.push({ error, what }) }
  })
  t.teardown(async () => {
    await rooms.close()
    if (clock.timers > 0) throw new Error(`${clock.timers} timers are left`)
  })
  return { rooms, clock, reported }
}

/** A promise that a test settles. */
export class Later<Value = void> {
  settle: (value: Value) => void = () => {}
  fail: (error: unknown) => void = () => {}
  readonly promise = new Promise<Value>((resolve, reject) => {
    this.settle = resolve
    this.fail = reject
  })
}

/** Some turns of the event loop: all that is not waited for by a test or a clock has happened. */
export async function turns (): Promise<void> {
  for (let count = 0; count < 5; count++) await turn()
}

/** True where a promise has settled by now. */
export async function hasSettled (promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(() => { settled = true }, () => { settled = true })
  await turns()
  return settled
}
