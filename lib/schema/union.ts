/**
 * Unions. A serializer for a union takes the first member that matches and silently drops what only the others name; here is
 * told where that can happen.
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

/** True for a union of objects that can not tell its members apart: neither closed, nor distinguished by a constant. */
export function isAmbiguousUnion (schema: JsonSchema): boolean {
  const objects = membersOf(schema)?.filter(mayBeObject) ?? []
  return objects.some((member, index) => objects.slice(index + 1).some((later) => !isClosed(member) && !areDistinguished(member, later)))
}

/** The path of the first ambiguous union inside a schema, not counting the schema itself; `undefined` where there is none. */
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

/** True where the schema allows a string. `find` gives the schemas that a `$ref` may name. */
export function allowsText (schema: JsonSchema, find: (ref: string) => unknown): boolean {
  if (typeof schema['$ref'] === 'string') {
    const target = find(schema['$ref'])
    return isSchema(target) && allowsText(target, find)
  }
  if ('const' in schema) return typeof schema['const'] === 'string'
  if (Array.isArray(schema['enum'])) return schema['enum'].some((value) => typeof value === 'string')
  const members = membersOf(schema)
  if (members !== undefined) return members.some((member) => allowsText(member, find))
  if (Array.isArray(schema['allOf'])) return schema['allOf'].filter(isSchema).every((member) => allowsText(member, find))
  const type = schema['type']
  return type === undefined ? !('properties' in schema) : type === 'string' || (Array.isArray(type) && type.includes('string'))
}

/** True for what can be read as a schema. */
export function isSchema (value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mayBeObject ({ type, ...schema }: JsonSchema): boolean {
  if ('const' in schema || 'enum' in schema) return false
  return type === undefined || type === 'object' || (Array.isArray(type) && type.includes('object'))
}

function isClosed (schema: JsonSchema): boolean {
  return schema['additionalProperties'] === false
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
