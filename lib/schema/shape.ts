/** What a schema looks like, in one line for people: `{ from, text }`, `Price | null`. */
import { isSchema } from './union.ts'

/** The shape of what fits a schema, in the manner of a TypeScript type. A `$ref` is said by the last part of its name. */
export function shapeOf (schema: unknown): string {
  if (!isSchema(schema)) return schema === false ? 'never' : 'unknown'
  const { $ref: ref, type, anyOf, oneOf, items, properties } = schema
  if (typeof ref === 'string') return ref.slice(ref.lastIndexOf('/') + 1)
  if ('const' in schema) return JSON.stringify(schema['const'])
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value)).join(' | ')
  const union: unknown = anyOf ?? oneOf
  if (Array.isArray(union)) return union.map(shapeOf).join(' | ')
  if (type === 'array') return isSchema(items) ? `Array<${shapeOf(items)}>` : 'array'
  if (isSchema(properties)) return shapeOfObject(properties, schema['required'])
  return type === undefined ? 'unknown' : [type].flat().map(String).join(' | ')
}

function shapeOfObject (properties: object, required: unknown): string {
  const names = Object.keys(properties).map((name) => Array.isArray(required) && required.includes(name) ? name : `${name}?`)
  return names.length === 0 ? 'object' : `{ ${names.join(', ')} }`
}
