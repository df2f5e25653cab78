/**
 * The types that follow from declared events: what a route may yield, what a feed may publish. Nothing here exists at
 * run time.
 */
import type { Static, TSchema } from 'typebox'
import type { ServerSentEvent } from '../wire/event.ts'
import type { GapEvent } from '../wire/told-gap.ts'

/** Declared events: schemas by event type. */
export type EventSchemas = Readonly<Record<string, TSchema>>

/** The data types of declared events, by event type. */
export type EventTypes<Schemas extends EventSchemas = EventSchemas> = { [Type in keyof Schemas & string]: Static<Schemas[Type]> }

/** The same; any types where none are declared. Written out, because compilers print it by what it holds so. */
export type FeedTypes<Schemas extends EventSchemas> =
  string extends keyof Schemas ? Record<string, unknown> : { [Type in keyof Schemas & string]: Static<Schemas[Type]> }

/** One event of the declared types: what a subscription dispatches. */
export type TypedEvent<Types> = { [Type in keyof Types & string]: { event: Type, data: Types[Type] } }[keyof Types & string]

/**
 * What a source of a route with declared events may yield: those, and what a loop over a subscription gives. An event
 * of type `message` need not name it.
 */
export type Yield<Types> =
  | { [Type in keyof Types & string]: Named<Type, Types[Type]> }[keyof Types & string]
  | (Types extends { message: infer Data } ? Unnamed<Data> | Extract<Data, string> : never)
  | Bare
  | GapEvent

/** Literals are inferred as `readonly`, and lists of them too; what a schema declares is neither. */
export type Writable<Value> =
  Value extends (...given: never[]) => unknown ? Value
    : Value extends object ? { -readonly [Key in keyof Value]: Writable<Value[Key]> } : Value

type Fields = Pick<ServerSentEvent, 'id' | 'retry' | 'comment'>
type Named<Type, Data> = Fields & { event: Type, data: Data }
type Unnamed<Data> = Fields & { event?: undefined, data: Data }
type Bare = Fields & { event?: undefined, data?: undefined }
