/** The matrix: what the user of each client sees of each stream. `docs/clients.md` shows the same table to users. */
import type { CaseName } from './cases.ts'

/** A client, and what its user sees. */
export interface Row {
  readonly client: string
  /** By case. A case that is not there cannot be asked of the client. */
  readonly cells: Partial<Record<CaseName, string>>
  /** Why a cell is not what one would wish. */
  readonly note?: string
}

/** What an `EventSource` by the standard sees. */
const EVENT_SOURCE: Row['cells'] = {
  feed: 'all, ends',
  'finite stream': 'all, ends',
  failure: 'all, resumes, ends',
  drain: 'all, resumes',
  'lost line': 'all, resumes',
  gap: 'all, + stream:gap'
}

export const ROWS: readonly Row[] = [
  { client: 'EventSource of Node 24', cells: EVENT_SOURCE },
  { client: 'EventSource of Node 22', cells: EVENT_SOURCE },
  { client: 'undici 6', cells: EVENT_SOURCE },
  { client: 'undici 7', cells: EVENT_SOURCE },
  { client: 'undici 8', cells: EVENT_SOURCE },
  { client: 'eventsource 2', cells: EVENT_SOURCE },
  { client: 'eventsource 3', cells: EVENT_SOURCE },
  { client: 'eventsource 4', cells: EVENT_SOURCE },
  { client: 'eventsource 5', cells: EVENT_SOURCE }
]
