/** Projections: in which shape a subscription gives the entries of its feed. */
import type { Static, TSchema } from 'typebox'
import { BadOption, describe } from '../errors.ts'
import type { EntryView } from './entry.ts'

/** What a projection makes of an entry. */
export interface Projected<Type extends string = string, Data = unknown> {
  /** The event type; absent means that of the entry. */
  event?: Type | undefined
  data: Data
}

/**
 * Makes the shape of an entry, or leaves it out with `undefined`. Synchronous, and pure: what it makes is cached, and
 * shared by all who use it.
 */
export type Project<View, Made> = (view: View) => Made | undefined

/** A projection that carries the schema of the data it makes. */
export type Projection<View, Made> = Project<View, Made> & { readonly schema: TSchema }

/**
 * Makes a projection that carries the schema of the data it makes. Needed where a route's schema for the event is a
 * union: a serializer for a union takes the first member that matches, and silently drops what only the others name.
 *
 * Make it once, outside of the handler: all subscriptions that use the same one share what it makes. One that depends
 * on the user is made in the handler, and runs for that user's stream alone.
 *
 * @param schema the schema of `data`
 * @param project gets the frozen `{ id, event, data, at, key, keys }`; returns `{ event?, data }`, or `undefined` to
 *   leave the entry out
 * @throws FST_EVENTFEED_BAD_OPTION
 */
export function projection<const Schema extends TSchema, View extends EntryView, const Type extends string> (
  schema: Schema, project: (view: View) => { event: Type, data: Static<Schema> } | undefined
): Projection<View, { event: Type, data: Static<Schema> }>
export function projection<const Schema extends TSchema, View extends EntryView = EntryView, const Type extends string = never> (
  schema: Schema, project: (view: View) => { event?: Type, data: Static<Schema> } | undefined
): Projection<View, { event?: Type | undefined, data: Static<Schema> }>
export function projection<View> (schema: TSchema, project: Project<View, Projected>): Projection<View, Projected> {
  if (typeof schema !== 'object' || schema === null) throw new BadOption(`projection(schema, fn): the schema must be a JSON schema, not ${describe(schema)}`)
  if (typeof project !== 'function') throw new BadOption(`projection(schema, fn): fn must be a function, not ${describe(project)}`)
  return Object.assign((view: View) => project(view), { schema })
}

/** The schema that a projection carries; `undefined` for a plain function. */
export function schemaOf (project: Project<never, unknown>): object | undefined {
  return 'schema' in project && typeof project.schema === 'object' && project.schema !== null ? project.schema : undefined
}
