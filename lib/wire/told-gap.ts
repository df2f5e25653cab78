/**
 * A gap as a value: what a loop over a subscription gets, and a generator may yield on. The types of control events
 * are reserved, so a gap that a feed has reported can be distinguished from an event that merely looks like one.
 */
import { CONTROL, type Gap } from './protocol.ts'

/**
 * What a loop over a subscription gets for events that it missed. A generator may yield it on: clients then see
 * `stream:gap`.
 */
export interface GapEvent {
  readonly event: typeof CONTROL.gap
  /** The event ID just before what follows. */
  readonly id: string
  readonly data: Readonly<Gap>
}

/**
 * What marks a gap that a feed has told. Global, so that two copies of this package understand each other; not
 * enumerable, so no copy has it.
 */
const told = Symbol.for('fastify-eventfeed.told-gap')

/** The gap that a loop gets. It cannot be changed, so that what is marked is what was told. */
export function toldGap (details: Gap, id: string): GapEvent {
  const event = { event: CONTROL.gap, id, data: Object.freeze({ ...details }) } as const
  return Object.freeze(Object.defineProperty(event, told, { value: true }))
}

/** True for a gap that a feed has told, and no event of the same shape. */
export function isToldGap (value: object): value is GapEvent {
  return Object.hasOwn(value, told)
}
