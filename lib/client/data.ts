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
  const isText = areStrings(schema)
  if (isText === false) return json
  return (text) => {
    try {
      return isText === true ? text : json(text)
    } catch {
      return text
    }
  }
}

/** Whether the values of a schema are strings; `undefined` where some are. */
function areStrings (schema: unknown): boolean | undefined {
  // all properties of a JSON Schema may be missing
  const { type, anyOf, const: only, enum: values } = schema as {
    readonly type?: unknown, readonly anyOf?: readonly unknown[], readonly const?: unknown, readonly enum?: readonly unknown[]
  }
  const constants = only === undefined ? values : [only]
  const members = anyOf?.map(areStrings) ?? constants?.map((value) => typeof value === 'string') ??
    [type].flat().map((type) => type === undefined ? undefined : type === 'string')
  return members.every((member) => member === members[0]) ? members[0] : undefined
}
