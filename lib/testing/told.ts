/**
 * A listener that writes down what a tail tells, and sees at once what no tail may do: an empty call, an entry twice,
 * an entry after the end, a call after `close` or `stop`. What it has seen it throws in `check`, because a listener
 * does not throw.
 */
import { LOG_ANSWER_MS } from '../defaults.ts'
import { shown } from '../errors.ts'
import type { LogEntry, TailListener } from '../log/contract.ts'
import { Broken } from './broken.ts'
import { checkEntry } from './log-answers.ts'

/** What one tail has told. */
export class Told implements TailListener {
  /** All entries, in the order in which they were told. */
  readonly list: LogEntry[] = []
  /** The positions that `lost` gave. */
  readonly lostAt: string[] = []
  /** How many entries had been told when `lost` was. */
  readonly lostAfter: number[] = []
  /** How often the end was told. */
  ends = 0
  /** Called on each call of the listener, after it was written down. */
  onTold: () => void = () => {}
  readonly #positions = new Set<string>()
  readonly #waiting = new Set<() => void>()
  readonly #answerWithinMs: number
  #fault: Broken | undefined
  #isOver: string | undefined

  constructor (answerWithinMs = LOG_ANSWER_MS) {
    this.#answerWithinMs = answerWithinMs
  }

  entries (entries: readonly LogEntry[]): void {
    this.#called('entries')
    const isList = Array.isArray(entries) && entries.length > 0
    if (!isList) this.#saw('that each call tells one entry or more', shown(entries))
    else for (const entry of entries) this.#add(entry)
    this.#changed()
  }

  lost (position: string): void {
    this.#called('lost')
    const last = this.list.at(-1)?.position
    if (last !== undefined && this.list.length > (this.lostAfter.at(-1) ?? 0) && position !== last) {
      this.#saw(`that lost() names the last position that was told, ${shown(last)}`, shown(position))
    }
    this.lostAt.push(position)
    this.lostAfter.push(this.list.length)
    this.#changed()
  }

  ended (): void {
    this.#called('ended')
    this.ends++
    if (this.ends > 1) this.#saw('that the end is told once', 'the end a second time')
    this.#changed()
  }

  /** Its process is dead: nobody hears what it is still told. */
  deaden (): void {
    this.entries = () => {}
    this.lost = () => {}
    this.ended = () => {}
  }

  /** From now on the listener may not be called any more. */
  over (why: string): void {
    this.#isOver ??= why
  }

  /** The data of all entries that were told. */
  get jsons (): string[] {
    return this.list.map(({ json }) => json)
  }

  /** The positions of all entries that were told. */
  get positions (): string[] {
    return this.list.map(({ position }) => position)
  }

  /** Whether the tail has told the entry at this position. */
  has (position: string): boolean {
    return this.#positions.has(position)
  }

  /** Throws what the tail did that no tail may do. */
  check (): void {
    if (this.#fault !== undefined) throw this.#fault
  }

  /** Waits until something was told. */
  async until (holds: () => boolean, promised: string): Promise<void> {
    if (holds()) return
    let timer: ReturnType<typeof setTimeout> | undefined
    let look = (): void => {}
    try {
      await new Promise<void>((resolve, reject) => {
        look = () => { if (holds()) resolve() }
        this.#waiting.add(look)
        const came = (): string => `${this.list.length} entries and ${this.ends} ends within ${this.#answerWithinMs} ms`
        timer = setTimeout(() => { reject(this.#fault ?? new Broken(promised, came())) }, this.#answerWithinMs)
      })
    } finally {
      this.#waiting.delete(look)
      clearTimeout(timer)
    }
  }

  #add (entry: LogEntry): void {
    try {
      checkEntry(entry, 'an entry that a tail tells')
    } catch (error) {
      if (error instanceof Broken) this.#fault ??= error
      return
    }
    if (this.ends > 0) this.#saw('that no entry follows the end', `the entry ${shown(entry.json)}`)
    const { position } = entry
    if (this.has(position)) this.#saw('that a tail tells each entry once', `${shown(position)} a second time`)
    this.#positions.add(position)
    this.list.push(entry)
  }

  #called (method: string): void {
    if (this.#isOver === undefined) return
    this.#saw(`that a listener is not called any more after ${this.#isOver}`, `a call of ${method}()`)
  }

  #saw (promised: string, came: string): void {
    this.#fault ??= new Broken(promised, came)
  }

  #changed (): void {
    this.onTold()
    for (const look of this.#waiting) look()
  }
}
