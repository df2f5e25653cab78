/**
 * What is published becomes a draft for the log: checked, and written as JSON by the feed's schema. What a log has
 * stored is written once more by the schema that the feed has now, before it leaves.
 */
import { BadEvent, BadField, describe, shown } from '../errors.ts'
import type { LogDraft, LogEntry } from '../log/contract.ts'
import type { EventCodec } from '../wire/codec.ts'
import { checkEventType, DEFAULT_EVENT_TYPE, toJson, type DataText } from '../wire/event.ts'
import type { Check } from './entry.ts'
import type { PoisonReports } from './poison.ts'

/** What is published beside the event type and its data. */
export interface PublishOptions {
  /** Who follows this key gets the event. Default: none. */
  readonly key?: string | undefined
  /**
   * While an event with the same `dedupeId` is kept, this one is not added again: `publish` answers the id of the
   * first. Default: it is added in any case.
   */
  readonly dedupeId?: string | undefined
}

/** What is published in a feed of the given data types. An event of type `message` need not name it. */
export type Publication<Types> =
  | { [Type in keyof Types & string]: { event: Type, data: Types[Type] } & PublishOptions }[keyof Types & string]
  | ('message' extends keyof Types ? { event?: undefined, data: Types['message'] } & PublishOptions : never)

/** Most events have no key. */
const NO_KEYS: readonly string[] = Object.freeze([])

/** How a feed writes what it keeps. */
export class Drafts {
  /** What has checked the data of a draft: entries that carry another were stored, or come from another process. */
  readonly #mark: object
  readonly #json: DataText
  readonly #check: Check

  constructor (codec: EventCodec | undefined, poison: PoisonReports) {
    this.#mark = codec ?? {}
    this.#json = codec?.json ?? withoutSchema
    this.#check = (entry) => {
      try {
        return this.#json(checkEventType(entry.event), JSON.parse(entry.json))
      } catch (error) {
        return poison.refuse(entry, error)
      }
    }
  }

  /** The draft of an event. Throws where that is none, or does not fit the schema. */
  of (publication: unknown, now: () => number): LogDraft {
    const { event, data, key, dedupeId } = checkPublication(publication)
    const json = this.#json(event, data)
    // the data may have functions that take their time
    return { event, json, keys: key === undefined ? NO_KEYS : [key], at: now(), dedupeId, checkedBy: this.#mark }
  }

  /** What an entry of the log must pass before it leaves; `undefined` where this feed has just written it. */
  checkOf ({ checkedBy }: LogEntry): Check | undefined {
    return checkedBy === this.#mark ? undefined : this.#check
  }
}

/** What is published, before it is looked at. */
interface Published { event?: unknown, data?: unknown, key?: unknown, dedupeId?: unknown }

const FIELDS = ['event', 'data', 'key', 'dedupeId']

function checkPublication (event: unknown): { event: string, data: unknown } & PublishOptions {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new BadEvent(`publish() takes { ${FIELDS.join(', ')} }, not ${describe(event)}`)
  }
  for (const name of Object.keys(event)) {
    if (!FIELDS.includes(name)) {
      const hint = name === 'id' ? ': the log assigns the ids' : ''
      throw new BadEvent(`publish() takes { ${FIELDS.join(', ')} }, and no ${shown(name)}${hint}`)
    }
  }
  const { event: type = DEFAULT_EVENT_TYPE, data, key, dedupeId }: Published = event
  if (data === undefined) throw new BadEvent('publish() needs data: an event without data is never dispatched by a client; give \'\' for one that is empty')
  if (key !== undefined && typeof key !== 'string') throw new BadField('key', 'must be a string', shown(key))
  if (dedupeId !== undefined && (typeof dedupeId !== 'string' || dedupeId === '')) {
    throw new BadField('dedupeId', 'must be a string that is not empty', shown(dedupeId))
  }
  return { event: checkEventType(type), data, key, dedupeId }
}

const withoutSchema: DataText = (_event, data) => toJson(data)
