/**
 * Unions. A serializer for a union takes the first member that matches and silently drops what only the others name;
 * here is told where that can happen.
 */
import { isDeepStrictEqual } from 'node:util'

/** A JSON schema, as an object; nothing else is assumed. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The members of a union, those of unions within it included; `undefined` for what is no union. */
export function membersOf (schema: JsonSchema): JsonSchema[] | undefined {
  const members = schema['anyOf'] ?? schema['oneOf']
  if (!Array.isArray(members)) return undefined
  return members.filter(isSchema).flatMap((member) => membersOf(member) ?? [member])
}

/** True for a union in which what one member describes also fits an earlier one, and would lose properties by it. */
export function isAmbiguousUnion (schema: JsonSchema): boolean {
  const members = membersOf(schema) ?? []
  return members.some((member, index) => members.slice(index + 1).some((later) => !keepsWhole(member, later)))
}

/**
 * A copy in which each `$ref` is replaced by what it names, so that a union behind one is seen. One that leads back
 * to itself, or nowhere, stays. `find` gives the schemas that a `$ref` may name.
 */
export function resolveRefs (schema: JsonSchema, find: (ref: string) => unknown): JsonSchema {
  const resolve = (value: unknown, root: JsonSchema, behind: readonly string[]): unknown => {
    if (Array.isArray(value)) return value.map((inner) => resolve(inner, root, behind))
    if (!isSchema(value)) return value
    const ref = value['$ref']
    if (typeof ref === 'string') {
      const [id = '', pointer = ''] = ref.split('#')
      const home = id === '' ? root : find(id)
      const target = atPointer(home, pointer)
      if (!isSchema(home) || !isSchema(target) || behind.includes(ref)) return value
      const { $id: _, ...rest } = target
      return resolve(rest, home, [...behind, ref])
    }
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolve(inner, root, behind)]))
  }
  return resolve(schema, schema, []) as JsonSchema
}

/** What a JSON pointer (RFC 6901) leads to in a schema, by objects alone; `undefined` where that is nothing. */
export function atPointer (schema: unknown, pointer: string): unknown {
  const steps = decodeURIComponent(pointer).split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return steps.reduce<unknown>((at, step) => isSchema(at) ? at[step] : undefined, schema)
}

/**
 * The path of the first ambiguous union inside a schema, not counting the schema itself; `undefined` where there is
 * none.
 */
export function ambiguousPathIn (schema: JsonSchema, path = ''): string | undefined {
  for (const [step, inner] of innerSchemas(schema)) {
    const at = `${path}/${step}`
    const isMember = /^(anyOf|oneOf)\//.test(step)
    if (!isMember && isAmbiguousUnion(inner)) return at
    const found = ambiguousPathIn(inner, at)
    if (found !== undefined) return found
  }
  return undefined
}

/** True where both say the same, whoever made them. */
export function areSameSchema (one: object, other: object): boolean {
  return one === other || isDeepStrictEqual(plain(one), plain(other))
}

/** True where the schema allows a string. Its `$ref`s are resolved already: one that could not be allows none. */
export function allowsText (schema: JsonSchema): boolean {
  if ('$ref' in schema) return false
  if ('const' in schema) return typeof schema['const'] === 'string'
  if (Array.isArray(schema['enum'])) return schema['enum'].some((value) => typeof value === 'string')
  const members = membersOf(schema)
  if (members !== undefined) return members.some(allowsText)
  if (Array.isArray(schema['allOf'])) return schema['allOf'].filter(isSchema).every(allowsText)
  const type = schema['type']
  return type === undefined ? !('properties' in schema) : type === 'string' || (Array.isArray(type) && type.includes('string'))
}

/** True for what can be read as a schema. */
export function isSchema (value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** True where data of the later schema is refused by the earlier one, or loses nothing by it. */
function keepsWhole (earlier: JsonSchema, later: JsonSchema): boolean {
  if (areSameSchema(earlier, later) || areDistinguished(earlier, later) || isConstant(earlier) || isConstant(later)) return true
  if ('allOf' in earlier || '$ref' in earlier || 'patternProperties' in earlier) return !mayHold(earlier) || !mayHold(later)
  const members = membersOf(earlier)
  if (members !== undefined) return members.every((member) => keepsWhole(member, later))
  const laterMembers = membersOf(later)
  if (laterMembers !== undefined) return laterMembers.every((member) => keepsWhole(earlier, member))
  return (!areBoth('object', earlier, later) || keepsProperties(earlier, later)) && (!areBoth('array', earlier, later) || keepsItems(earlier, later))
}

function keepsProperties (earlier: JsonSchema, later: JsonSchema): boolean {
  if (typeof earlier['additionalProperties'] !== 'boolean') return false
  const [mine, theirs] = [earlier['properties'] ?? {}, later['properties'] ?? {}] as [JsonSchema, JsonSchema]
  return Object.entries(mine).every(([name, inner]) => {
    const other = theirs[name]
    return !isSchema(inner) || !isSchema(other) || keepsWhole(inner, other)
  })
}

function keepsItems ({ items: mine }: JsonSchema, { items: theirs }: JsonSchema): boolean {
  return mine === undefined || (isSchema(mine) && isSchema(theirs) && keepsWhole(mine, theirs))
}

function isConstant (schema: JsonSchema): boolean {
  return 'const' in schema || 'enum' in schema
}

/** True where data may be of this type by both. */
function areBoth (type: string, ...schemas: JsonSchema[]): boolean {
  return schemas.every(({ type: own }) => own === undefined || own === type || (Array.isArray(own) && own.includes(type)))
}

/** True for what may have properties, or items that do. */
function mayHold (schema: JsonSchema): boolean {
  return areBoth('object', schema) || areBoth('array', schema)
}

/** By a property that both require, with constants that exclude each other. */
function areDistinguished (one: JsonSchema, other: JsonSchema): boolean {
  const required = Array.isArray(one['required']) ? one['required'] : []
  return required.some((name: unknown) => {
    const mine = constantsOf(one, name)
    const theirs = constantsOf(other, name)
    return mine !== undefined && theirs !== undefined && !mine.some((value) => theirs.includes(value))
  })
}

function constantsOf (schema: JsonSchema, name: unknown): unknown[] | undefined {
  const { properties } = schema
  const property = isSchema(properties) && typeof name === 'string' ? properties[name] : undefined
  if (!isSchema(property)) return undefined
  if ('const' in property) return [property['const']]
  return Array.isArray(property['enum']) ? property['enum'] : undefined
}

function innerSchemas (schema: JsonSchema): Array<[string, JsonSchema]> {
  const found: Array<[string, unknown]> = [['items', schema['items']], ['additionalProperties', schema['additionalProperties']]]
  for (const group of ['properties', 'patternProperties']) {
    for (const [name, inner] of Object.entries(schema[group] ?? {})) found.push([name, inner])
  }
  for (const group of ['anyOf', 'oneOf', 'allOf']) {
    const members = schema[group]
    if (Array.isArray(members)) members.forEach((inner, index) => found.push([`${group}/${index}`, inner]))
  }
  return found.filter((entry): entry is [string, JsonSchema] => isSchema(entry[1]))
}

function plain (schema: object): unknown {
  return JSON.parse(JSON.stringify(schema))
}
