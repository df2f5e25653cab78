/**
 * Declared events that server and client share. It imports nothing at run time, so that a browser can load it without
 * anything of the server.
 */
import type { EventSchemas, EventTypes } from './types.ts'

/**
 * Declares events: schemas of their data, by event type. Returns them as they are, typed: for `schema.events` of a
 * route, `events` of a feed, and `events` of `openFeed`.
 */
export function defineEvents<const Schemas extends EventSchemas> (schemas: Schemas): Schemas {
  return schemas
}

/**
 * The data types of the events of a route, by event type: `SchemaEvents<typeof schema>` of the object that the route
 * has as its `schema`, or of what `defineEvents` returns.
 */
export type SchemaEvents<Schema> =
  Schema extends { readonly events: infer Schemas extends EventSchemas } ? EventTypes<Schemas>
    : Schema extends EventSchemas ? EventTypes<Schema> : never
