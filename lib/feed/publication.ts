/**
 * What is published becomes a draft for the log: checked, and written as JSON by the feed's schema. What a log has
 * stored is written once more by the schema that the feed has now, before it leaves.
 */
import { MAX_KEYS } from '../defaults.ts'
import { BadEvent, BadField, describe, shown } from '../errors.ts'
import type { LogDraft, LogEntry } from '../log/contract.ts'
import type { EventCodec } from '../wire/codec.ts'
import { checkEventType, DEFAULT_EVENT_TYPE, isMisheard, toJson, type DataText } from '../wire/event.ts'
import { NO_KEYS, type Check } from './entry.ts'
import type { PoisonReports } from './poison.ts'

/** What is published beside the event type and its data. */
export interface PublishOptions {
  /** Streams that follow this key get the event. Default: none. */
  readonly key?: string | undefined
  /**
   * In place of `key`: 1 to 64 keys. A stream that follows several of them gets the event once. The first is its
   * `key`, by which it is conflated.
   */
  readonly keys?: readonly string[] | undefined
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

/** How a feed writes what it keeps. */
export class Drafts {
  /** What has checked the data of a draft: entries that carry another were stored, or come from another process. */
  readonly #mark: object
  readonly #json: DataText
  readonly #check: Check
  readonly #onMisheard: ((type: string) => void) | undefined
  #lastType = ''

  constructor (codec: EventCodec | undefined, poison: PoisonReports, onMisheard?: (type: string) => void) {
    this.#onMisheard = onMisheard
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
    return this.ofChecked(checkPublication(publication), now)
  }

  /** As `of`, where all but the data was checked. */
  ofChecked ({ event, data, keys, dedupeId }: CheckedPublication, now: () => number): LogDraft {
    if (event !== this.#lastType) {
      this.#lastType = event
      if (isMisheard(event)) this.#onMisheard?.(event)
    }
    const json = this.#json(event, data)
    // the data may have functions that take their time
    return { event, json, keys, at: now(), dedupeId, checkedBy: this.#mark }
  }

  /** What an entry of the log must pass before it leaves; `undefined` where this feed has just written it. */
  checkOf ({ checkedBy }: LogEntry): Check | undefined {
    return checkedBy === this.#mark ? undefined : this.#check
  }
}

/** What is published, before it is looked at. */
interface Published { event?: unknown, data?: unknown, key?: unknown, keys?: unknown, dedupeId?: unknown }

/** What is published, checked but for its data. */
export interface CheckedPublication {
  readonly event: string
  readonly data: unknown
  readonly keys: readonly string[]
  readonly dedupeId?: string | undefined
}

const FIELDS = ['event', 'data', 'key', 'keys', 'dedupeId']

function checkPublication (event: unknown): CheckedPublication {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new BadEvent(`publish() takes { ${FIELDS.join(', ')} }, not ${describe(event)}`)
  }
  for (const name of Object.keys(event)) {
    if (!FIELDS.includes(name)) {
      const hint = name === 'id' ? ': the log assigns the ids' : ''
      throw new BadEvent(`publish() takes { ${FIELDS.join(', ')} }, and no ${shown(name)}${hint}`)
    }
  }
  const { event: type = DEFAULT_EVENT_TYPE, data, key, keys, dedupeId }: Published = event
  if (data === undefined) throw new BadEvent('publish() needs data: an event without data is never dispatched by a client; give \'\' for one that is empty')
  if (dedupeId !== undefined && (typeof dedupeId !== 'string' || dedupeId === '')) {
    throw new BadField('dedupeId', 'must be a string that is not empty', shown(dedupeId))
  }
  return { event: checkEventType(type), data, keys: checkKeys(key, keys), dedupeId }
}

/** The keys of an event, each once. Throws `FST_EVENTFEED_BAD_FIELD`, and `FST_EVENTFEED_BAD_EVENT` for both fields. */
function checkKeys (key: unknown, keys: unknown): readonly string[] {
  if (keys === undefined) {
    if (key === undefined) return NO_KEYS
    if (typeof key !== 'string') throw new BadField('key', 'must be a string', shown(key))
    return [key]
  }
  if (key !== undefined) throw new BadEvent('publish() takes either key or keys, not both: put the key into keys')
  if (!Array.isArray(keys)) throw new BadField('keys', 'must be an array of strings', shown(keys))
  const { length } = keys
  if (length < 1 || length > MAX_KEYS) throw new BadField('keys', `must hold 1 to ${MAX_KEYS} strings`, `an array of ${length}`)
  const each = new Set<string>()
  for (const one of keys as unknown[]) {
    if (typeof one !== 'string') throw new BadField('keys', 'must be an array of strings', `an array with ${describe(one)}`)
    each.add(one)
  }
  return [...each]
}

const withoutSchema: DataText = (_event, data) => toJson(data)
