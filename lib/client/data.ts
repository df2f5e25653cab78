/** The data of events: from the text of a stream to what a page is given, by what was declared, and checked where the caller does. */
import type { EventSchemas } from '../schema/types.ts'
import { FeedError } from './errors.ts'

/** How the data of events is read. */
export interface DataOptions {
  readonly events?: EventSchemas | undefined
  readonly parse?: ((text: string, event: string) => unknown) | undefined
  readonly check?: ((data: unknown, event: string) => unknown) | undefined
}

/**
 * Reads the data of an event.
 * @throws FeedError BAD_DATA for an event type that is not declared, for what does not parse, and for what the check
 *   refuses
 */
export type ReadData = (event: string, text: string) => unknown

/** How data is read with these options. */
export function dataReader ({ events, parse, check }: DataOptions): ReadData {
  const parsers = new Map<string, Parse>()
  for (const [event, schema] of Object.entries(events ?? {})) parsers.set(event, parse ?? parserFor(schema))
  const fallback = events === undefined ? parse ?? json : undefined
  return (event, text) => {
    const parser = parsers.get(event) ?? fallback
    if (parser === undefined) throw new FeedError('BAD_DATA', `no event ${event} is declared`)
    let isChecked = false
    try {
      const data = parser(text, event)
      isChecked = true
      if (check !== undefined && check(data, event) === false) throw new Error('the check returned false')
      return data
    } catch (cause) {
      throw new FeedError('BAD_DATA', `the data of an event ${event} ${isChecked ? 'does not pass the check' : 'does not parse'}`, { cause })
    }
  }
}

type Parse = (text: string, event: string) => unknown

function json (text: string): unknown {
  return JSON.parse(text)
}

/** A server sends strings as they are, and all else as JSON. */
function parserFor (schema: unknown): Parse {
  const strings = stringsIn(schema)
  if (strings === 'only') return (text) => text
  if (strings === 'none') return json
  return (text) => {
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  }
}

/** Which values of a schema are strings. */
function stringsIn (schema: unknown): 'only' | 'some' | 'none' {
  // all properties of a JSON Schema may be missing, and of any type
  const { type, anyOf, const: constant, enum: values } = schema as Record<string, unknown>
  if (Array.isArray(anyOf)) return together(anyOf.map(stringsIn))
  if (Array.isArray(values)) return together(values.map((value) => typeof value === 'string' ? 'only' : 'none'))
  if (constant !== undefined) return typeof constant === 'string' ? 'only' : 'none'
  if (Array.isArray(type)) return together(type.map((type) => type === 'string' ? 'only' : 'none'))
  return type === undefined ? 'some' : type === 'string' ? 'only' : 'none'
}

function together (members: ReadonlyArray<'only' | 'some' | 'none'>): 'only' | 'some' | 'none' {
  return members.every((member) => member === members[0]) ? members[0] ?? 'some' : 'some'
}
