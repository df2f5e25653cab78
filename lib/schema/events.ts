/**
 * Declared events: an object of schemas by event type becomes a codec, which writes the data of those events and of
 * no others.
 */
import { AmbiguousUnion, asError, BadOption, BadSchema, describe, InvalidData, shown, UnknownEvent } from '../errors.ts'
import { heard } from '../guarded.ts'
import type { EventCodec } from '../wire/codec.ts'
import { checkEventType, toJson, type DataText } from '../wire/event.ts'
import { compileSerializer, type Compilers } from './serializer.ts'
import { allowsText, ambiguousPathIn, areSameSchema, isAmbiguousUnion, isSchema, membersOf, resolveRefs, type JsonSchema } from './union.ts'
import { compileValidator } from './validator.ts'

/**
 * Compiles declared events. `where` names the place for errors, such as `schema.events of GET /chat`.
 *
 * @throws FST_EVENTFEED_BAD_OPTION, FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_BAD_SCHEMA
 */
export function compileEvents (events: unknown, where: string, compilers: Compilers): EventCodec {
  if (!isSchema(events)) throw new BadOption(`${where} must be an object of schemas by event type, not ${describe(events)}`)
  const writers = new Map<string, Writer>()
  for (const [event, schema] of Object.entries(events)) {
    checkEventType(event)
    if (!isSchema(schema) || !staysObject(schema)) throw new BadOption(`${where}: ${shown(event)} must be a schema, not ${describe(schema)}`)
    writers.set(event, writerOf(event, schema, compilers))
  }
  return codecOf(writers, compilers)
}

/** False for what is no object as JSON, such as a `Date`: compilers read a schema as JSON. */
function staysObject (schema: JsonSchema): boolean {
  try {
    return isSchema(JSON.parse(JSON.stringify(schema)))
  } catch {
    // the compiler says what is wrong with it
    return true
  }
}

/** Writes data by one schema, whatever the event type: what a projection carries. Throws `FST_EVENTFEED_BAD_SCHEMA`. */
export function compileData (event: string, schema: object, compilers: Compilers): DataText {
  return writerOf(event, schema as JsonSchema, compilers).text
}

/** How the data of one event type is written. */
interface Writer { schema: JsonSchema, resolved: JsonSchema, isAmbiguous: boolean, text: DataText, json: DataText }

function codecOf (writers: ReadonlyMap<string, Writer>, compilers: Compilers): EventCodec {
  const narrowed = new WeakMap<object, Map<string, DataText | undefined>>()
  const find = (event: string): Writer => {
    const writer = writers.get(event)
    if (writer === undefined) throw new UnknownEvent(shown(event), [...writers.keys()].map((name) => shown(name)).join(', ') || 'none')
    return writer
  }
  return {
    text: (event, data) => find(event).text(event, data),
    json: (event, data) => find(event).json(event, data),
    schemaOf: (event) => writers.get(event)?.schema,
    ambiguous: new Set([...writers].filter(([, { isAmbiguous }]) => isAmbiguous).map(([event]) => event)),
    narrowed (event, member) {
      const known = narrowed.get(member) ?? new Map<string, DataText | undefined>()
      narrowed.set(member, known)
      if (!known.has(event)) known.set(event, narrow(event, find(event), member, compilers))
      return known.get(event)
    }
  }
}

/** What the member names, of what the route's schema names. */
function narrow (event: string, { schema, resolved, isAmbiguous, text }: Writer, member: object, compilers: Compilers): DataText | undefined {
  if (isAmbiguous) {
    const candidates = [...membersOf(schema) ?? [], ...membersOf(resolved) ?? []]
    return candidates.some((candidate) => areSameSchema(candidate, member)) ? compileData(event, member, compilers) : undefined
  }
  if (areSameSchema(schema, member)) return text
  const first = writerOf(event, member as JsonSchema, compilers).json
  return (type, data) => text(type, JSON.parse(first(type, data)))
}

function writerOf (event: string, schema: JsonSchema, compilers: Compilers): Writer {
  const resolved = resolveRefs(schema, (id) => compilers.shared[id])
  const ambiguousPath = ambiguousPathIn(resolved)
  if (ambiguousPath !== undefined) {
    throw new BadSchema(shown(event), `the union at ${ambiguousPath} cannot tell its members apart, and would silently drop what only one of them names: close them with additionalProperties: false, or give each a constant property`)
  }
  const isAmbiguous = isAmbiguousUnion(resolved)
  try {
    const serialize = isAmbiguous ? refuseUnion : compileSerializer(schema, compilers)
    const validate = compilers.validates ? compileValidator(schema, compilers) : undefined
    const takesText = allowsText(resolved)
    const json: DataText = (type, data) => {
      const problem = validate?.(data)
      if (problem !== undefined) throw new InvalidData(shown(type), `does not fit its schema: ${problem}`)
      if (typeof data !== 'string') return serialized(serialize, type, data)
      if (!takesText) throw new InvalidData(shown(type), 'is a string, but its schema allows none: give the value itself, not its JSON')
      return toJson(data)
    }
    return { schema, resolved, isAmbiguous, json, text: (type, data) => { const text = json(type, data); return typeof data === 'string' ? data : text } }
  } catch (cause) {
    throw new BadSchema(shown(event), String(cause), { cause })
  }
}

/**
 * Serializers write what is no JSON for some values: `undefined` in a list of anything, what is its own
 * serialization, whatever the application's own serializer does. So what they wrote is read back before it goes
 * anywhere: it can neither stand in a log nor reach a client. (To read 100 bytes takes 0.6 µs more than to write them
 * does.)
 */
function serialized (serialize: (data: unknown, event: string) => string, event: string, data: unknown): string {
  let json: unknown
  try {
    json = serialize(data, event)
  } catch (cause) {
    if (cause instanceof AmbiguousUnion) throw cause
    throw new InvalidData(shown(event), `does not fit its schema: ${asError(cause, 'its serializer failed').message}`, { cause })
  }
  if (typeof json === 'string' && isJson(json)) return json
  heard(json)
  throw new InvalidData(shown(event), `becomes ${shown(json)}, which is no JSON: its schema allows values that JSON does not have, such as undefined in a list`)
}

function isJson (text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function refuseUnion (_data: unknown, event: string): never {
  throw new AmbiguousUnion(shown(event), 'this data does not say which member it is')
}
