/** What the tables of faulty logs have in common. */
import type { LogEntry, TailListener } from '../../lib/log/contract.ts'
import type { History } from './history.ts'
import type { StoredLog } from './stored-reference.ts'

export type Newest = Parameters<StoredLog['tail']>[1]
export type Added = ReturnType<History['add']>
/** What a log does, as the end of a sentence, the claims that must fail, and the class that does it. */
export type Row<Kind> = readonly [fault: string, claims: readonly string[], kind: Kind]

/** A listener that hears something else than what was told. */
export function altered (
  listener: TailListener, alter: (entries: readonly LogEntry[]) => readonly LogEntry[]
): TailListener {
  return {
    ...bound(listener),
    entries: (entries) => {
      const heard = alter(entries)
      if (heard.length > 0) listener.entries(heard)
    }
  }
}

/** The functions of a listener, to be overridden. */
export function bound (listener: TailListener): TailListener {
  return {
    entries: (entries) => { listener.entries(entries) },
    lost: (position) => { listener.lost(position) },
    ended: () => { listener.ended() }
  }
}
