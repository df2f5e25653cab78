/**
 * Schemas that may stand anywhere in a document. A `$ref` such as `#/properties/name` means the schema that it stands
 * in, and so nothing, or something else, once that schema is a part of a larger one. In a portable schema each `$ref`
 * names a schema by its `$id`, and no two schemas share one. Tuples are written as the document's version has them.
 */
import { isSchema, type JsonSchema } from './union.ts'

/** What is given as a value, not as a schema: a `$ref` in it is none. */
const VALUES = new Set(['const', 'default', 'enum', 'example', 'examples'])

/** Where the names are not those of keywords. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])

/** Makes schemas portable. What it is given twice has the same id twice. */
export class PortableSchemas {
  /** The schemas that have been given an id, as JSON. */
  readonly #texts = new Map<string, string>()

  /**
   * A portable copy of a schema, which stays as it is. What is no JSON schema, such as that of another library, becomes
   * one that allows everything. `name` is the title of a schema that is given an id; `version` is that of OpenAPI.
   */
  of (schema: object, name: string, version: string): JsonSchema {
    const copy = plainCopy(schema)
    const refersToItself = copy['$id'] === undefined && hasLocalRef(copy)
    const identified = refersToItself ? { title: name, ...copy, $id: 'event-data' } : copy
    const ids = new Map<string, string>()
    this.#collect(identified, ids)
    return withTuples(renamed(identified, '', ids), version.startsWith('3.0')) as JsonSchema // of an object, an object
  }

  /** The new ids in a schema, by the old ones. */
  #collect (value: unknown, ids: Map<string, string>): void {
    if (Array.isArray(value)) for (const inner of value) this.#collect(inner, ids)
    if (!isSchema(value)) return
    if (hasId(value)) ids.set(value.$id, this.#claim(value.$id, JSON.stringify(value)))
    for (const inner of partsOf(value)) this.#collect(inner, ids)
  }

  /** The id for a schema: its own, unless another schema has taken that. */
  #claim (id: string, text: string): string {
    for (let number = 1; ; number++) {
      const candidate = number === 1 ? id : `${id}-${number}`
      const taken = this.#texts.get(candidate)
      if (taken === undefined) this.#texts.set(candidate, text)
      if (taken === undefined || taken === text) return candidate
    }
  }
}

/** Without what schema builders hide in schemas. */
function plainCopy (schema: object): JsonSchema {
  // schemas of Zod, Valibot and others say so by this: https://standardschema.dev
  if ('~standard' in schema) return {}
  try {
    const copy: unknown = JSON.parse(JSON.stringify(schema))
    return isSchema(copy) ? copy : {}
  } catch {
    // one that contains itself; the application does not start with it
    return {}
  }
}

/** True for a schema that others may name: `#name` is a place in one. */
function hasId (schema: JsonSchema): schema is JsonSchema & { $id: string } {
  return typeof schema['$id'] === 'string' && !schema['$id'].startsWith('#')
}

/** True where a `$ref` leads into the schema itself, those in parts with an id of their own left out. */
function hasLocalRef (value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasLocalRef)
  if (!isSchema(value) || hasId(value)) return false
  if (typeof value['$ref'] === 'string' && value['$ref'].startsWith('#')) return true
  return partsOf(value).some(hasLocalRef)
}

/** All in a schema that may be a schema, or a list of them. */
function partsOf (schema: JsonSchema): unknown[] {
  return Object.entries(schema).flatMap(([name, inner]) => {
    if (VALUES.has(name)) return []
    return MAPS.has(name) && isSchema(inner) ? Object.values(inner) : [inner]
  })
}

/** A copy with the new ids, in which each `$ref` names one. `base` is the id of the schema that a value is part of. */
function renamed (value: unknown, base: string, ids: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((inner) => renamed(inner, base, ids))
  if (!isSchema(value)) return value
  const own = hasId(value) ? ids.get(value.$id) ?? value.$id : base
  const copy: Record<string, unknown> = mapped(value, (inner) => renamed(inner, own, ids))
  if (hasId(value)) copy['$id'] = own
  if (typeof value['$ref'] === 'string') {
    const [id = '', ...pointer] = value['$ref'].split('#')
    copy['$ref'] = [id === '' ? own : ids.get(id) ?? id, ...pointer].join('#')
  }
  return copy
}

/**
 * A copy in which tuples, which TypeBox writes as a list of `items`, are written as OpenAPI has them since 3.1. Older
 * versions have none: there they are arrays of any of their members.
 */
function withTuples (value: unknown, isOld: boolean): unknown {
  if (Array.isArray(value)) return value.map((inner) => withTuples(inner, isOld))
  if (!isSchema(value)) return value
  const copy = mapped(value, (inner) => withTuples(inner, isOld))
  const { items, additionalItems, ...rest } = copy
  if (!Array.isArray(items) || items.length === 0) return copy
  if (!isOld) return { ...rest, prefixItems: items, ...additionalItems !== undefined && { items: additionalItems } }
  const others = isSchema(additionalItems) ? [additionalItems] : []
  return {
    ...rest,
    items: additionalItems === undefined || additionalItems === true ? {} : { anyOf: [...items, ...others] },
    ...additionalItems === false && { maxItems: items.length }
  }
}

/** A copy of a schema in which each schema, and each list of them, is another. */
function mapped (schema: JsonSchema, change: (inner: unknown) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(schema).map(([name, inner]) => {
    if (VALUES.has(name)) return [name, inner]
    const isMap = MAPS.has(name) && isSchema(inner)
    return [name, isMap ? Object.fromEntries(Object.entries(inner).map(([key, part]) => [key, change(part)])) : change(inner)]
  }))
}
