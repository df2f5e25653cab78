/** Faults of the log that several processes share. */
import type { Located, LogDraft, LogEntry, Tail, TailListener } from '../../lib/log/contract.ts'
import { altered, bound, type Newest, type Row } from './faulty-row.ts'
import { numberIn } from './history.ts'
import { StoredLog, type Pending } from './stored-reference.ts'

export const faultySharedLogs: ReadonlyArray<Row<typeof StoredLog>> = [
  ['tells its own entries only', ['all processes are told all entries, in one order'], class extends StoredLog {
    #isOwn = false
    override commit (pending: readonly Pending[]): void {
      this.#isOwn = true
      super.commit(pending)
      this.#isOwn = false
    }

    override tell (): void { if (this.#isOwn) super.tell() }
  }],
  ['tells its own entries first', ['all processes are told all entries, in one order'], class extends StoredLog {
    readonly #own = new Set<string>()
    override async append (draft: LogDraft): Promise<string> {
      this.#own.add(draft.json)
      return await super.append(draft)
    }

    override tail (listener: TailListener, newest: Newest): Promise<Tail> {
      const isOwn = ({ json }: LogEntry): boolean => this.#own.has(json)
      const others = (entry: LogEntry): boolean => !isOwn(entry)
      return super.tail(altered(listener, (entries) => [...entries.filter(isOwn), ...entries.filter(others)]), newest)
    }
  }],
  ['does not wait for what another process was told', [
    'a position that another process was given is found'
  ], class extends StoredLog {
    #known = 0
    override tell (): void {
      super.tell()
      globalThis.setImmediate(() => { globalThis.setImmediate(() => { this.#known = this.storage.history.head }) })
    }

    override async locate (position: string): Promise<Located> {
      const located = await super.locate(position)
      return located.kind === 'found' && numberIn(position) > this.#known ? this.storage.history.gap('ahead') : located
    }
  }],
  ['knows the dedupeId of its own events only', ['a dedupeId holds across processes'], class extends StoredLog {
    override append (draft: LogDraft): Promise<string> {
      const name = [...this.storage.holds].indexOf(this)
      const dedupeId = draft.dedupeId === undefined ? undefined : `${name} ${draft.dedupeId}`
      return super.append({ ...draft, dedupeId })
    }
  }],
  ['tells the end in its own process only', ['the end is told in every process'], class extends StoredLog {
    #isOwn = false
    override async end (): Promise<void> {
      this.#isOwn = true
      await super.end()
    }

    override tellEnd (): void { if (this.#isOwn) super.tellEnd() }
  }],
  ['closes all processes with its own', ['close leaves the other processes as they are'], class extends StoredLog {
    override async close (): Promise<void> {
      await super.close()
      for (const hold of this.storage.holds) hold.kill()
    }
  }],
  ['loses entries in silence', ['a tail that has lost entries says so, and pages have them'], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      return await super.tail({ ...bound(listener), lost: () => {} }, newest)
    }
  }],
  ['names what it lost, not what it told last', [
    'a tail that has lost entries says so, and pages have them'
  ], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      const lost = (): void => { listener.lost(this.storage.history.positionOf(this.storage.history.head)) }
      return await super.tail({ ...bound(listener), lost }, newest)
    }
  }]
]
