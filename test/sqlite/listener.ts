/** Uses a log as a feed does, and writes down what its tail tells. */
import type { EventLog, LogEntry } from '../../lib/log/contract.ts'

/** What a tail has told, in its order: the data of entries, `lost <position>` and `ended`. */
export class Heard {
  readonly list: unknown[] = []
  readonly entries: LogEntry[] = []

  /** Begins to follow a log, which is told all that it keeps first. Gives the position before that. */
  async follow (log: EventLog): Promise<string> {
    const { before } = await log.tail({
      entries: (entries) => {
        this.entries.push(...entries)
        this.list.push(...entries.map(({ json }) => JSON.parse(json)))
      },
      lost: (position) => { this.list.push(`lost ${position}`) },
      ended: () => { this.list.push('ended') }
    }, { entries: 1_000_000, bytes: Infinity })
    return before
  }
}

/** Opens a log. */
export async function opened (log: EventLog): Promise<EventLog> {
  await new Heard().follow(log)
  return log
}

/** Appends data. */
export async function append (log: EventLog, data: unknown, at = Date.now()): Promise<string> {
  return await log.append({ event: 'said', json: JSON.stringify(data), keys: [], at })
}

/** The data of all that a log keeps. */
export async function allOf (log: EventLog): Promise<unknown[]> {
  const all: unknown[] = []
  for (let { before: after } = await log.earliest(); ;) {
    const page = await log.page(after, 1000)
    if (page.kind === 'gap') throw new Error(`a gap: ${page.reason}`)
    const last = page.entries.at(-1)
    if (last === undefined) return all
    all.push(...page.entries.map(({ json }) => JSON.parse(json)))
    after = last.position
  }
}

/** `1` to `count`. */
export function numbers (count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
