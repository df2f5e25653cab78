/**
 * One hold on a log under test. Every answer comes in time and has its shape, or the claim fails; what a reader of the
 * log would do in several steps is one step here.
 */
import { LOG_MOST_ENTRIES, RETAIN_BYTES, RETAIN_ENTRIES } from '../defaults.ts'
import { asError, shown } from '../errors.ts'
import type { EventLog, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Located, Tail } from '../log/contract.ts'
import { started, type Asker } from './asker.ts'
import { Broken, promise, promiseSame } from './broken.ts'
import { checkBeginning, checkLocated, checkPage, checkPosition } from './log-answers.ts'
import { Told } from './told.ts'

/** How much of a history a tail is to tell first. */
export type Newest = Parameters<EventLog['tail']>[1]

/** All that is kept, for any log that a claim makes. */
const ALL: Newest = { entries: RETAIN_ENTRIES, bytes: RETAIN_BYTES }
/** How many entries a claim reads at a time where that does not matter. */
const PAGE = 100

/** One hold on a log, with the tail that the claims began first. */
export class Hold {
  readonly log: EventLog
  /** What the first tail has told. */
  readonly told: Told
  /** Killed: it is not to be closed. */
  isDead = false
  readonly #asker: Asker
  readonly #tolds: Told[] = []
  #before = ''

  constructor (asker: Asker, log: EventLog) {
    this.#asker = asker
    this.log = log
    this.told = new Told(asker.answerWithinMs)
  }

  /** The position just before what the first tail told first. */
  get before (): string {
    return this.#before
  }

  /** Begins the first tail. */
  async open (newest = ALL): Promise<this> {
    this.#before = (await this.tail(this.told, newest)).before
    return this
  }

  /** Begins a tail. */
  async tail (told: Told, newest = ALL): Promise<Tail> {
    this.#tolds.push(told)
    const tail = await this.#asker.ask('tail()', () => this.log.tail(told, newest))
    promise(typeof tail?.stop === 'function', 'tail() to answer { before, stop }', () => shown(tail))
    checkPosition(tail.before, 'tail() to answer a position before what it told')
    return tail
  }

  /** Appends an event with this data, at once. */
  append (data: unknown, more: Partial<LogDraft> = {}): Promise<string> {
    const draft = this.#draft(data, more)
    const answer = this.#asker.ask('append()', () => this.log.append(draft))
    return started(answer.then((position) => checkPosition(position, 'append() to answer a position')))
  }

  /** Appends an event, at once, whose answer may never come: the log is about to be killed. */
  send (data: unknown, more: Partial<LogDraft> = {}): void {
    const draft = this.#draft(data, more)
    const call = async (): Promise<unknown> => await this.log.append(draft)
    call().catch(() => {})
  }

  /** Appends events one after the other, without waiting. */
  appendAll (data: readonly unknown[]): Promise<string[]> {
    return started(Promise.all(data.map((value) => this.append(value))))
  }

  async locate (position: string): Promise<Located> {
    return checkLocated(await this.#asker.ask('locate()', () => this.log.locate(position)))
  }

  async earliest (): Promise<LogBeginning> {
    return checkBeginning(await this.#asker.ask('earliest()', () => this.log.earliest()))
  }

  async page (after: string, limit: number): Promise<LogPage | LogGap> {
    return checkPage(await this.#asker.ask('page()', () => this.log.page(after, limit)), limit)
  }

  async end (): Promise<void> {
    await this.#asker.ask('end()', () => this.log.end())
  }

  /** Closes it: from then on its tails tell nothing. */
  async close (): Promise<void> {
    await this.#asker.ask('close()', () => this.log.close())
    this.#silence('close()')
  }

  async delete (): Promise<void> {
    await this.#asker.ask('delete()', () => this.log.delete())
    this.#silence('delete()')
  }

  /** Its process has died. */
  die (): void {
    this.isDead = true
    for (const told of this.#tolds) told.deaden()
  }

  /** All entries after a position, read page by page up to the head. */
  async after (position: string, limit = PAGE): Promise<LogEntry[]> {
    const entries: LogEntry[] = []
    const seen = new Set<string>()
    for (let after = position; ;) {
      const page = await this.page(after, limit)
      if (page.kind === 'gap') {
        throw new Broken(`that page(${shown(after)}) goes on at the entry after it`,
        `a gap: ${page.reason}`)
      }
      if (page.entries.length === 0) return entries
      for (const entry of page.entries) {
        promise(!seen.has(entry.position), 'that pages give each entry once',
          () => `${shown(entry.position)} a second time`)
        seen.add(entry.position)
        entries.push(entry)
        promise(entries.length <= LOG_MOST_ENTRIES, 'that pages come to the head', () => `${entries.length} entries`)
        after = entry.position
      }
    }
  }

  /** All entries that are kept. */
  async all (limit = PAGE): Promise<LogEntry[]> {
    return await this.after((await this.earliest()).before, limit)
  }

  /** The log can continue from a position. */
  async isFound (position: string, what: string): Promise<void> {
    const located = await this.locate(position)
    promise(located.kind === 'found', `that locate() finds ${what}`,
      () => `a gap: ${located.kind === 'gap' ? located.reason : ''}`)
  }

  /** It cannot, for one of these reasons, and says rightly where its history begins; `page` says the same. */
  async isGap (position: string, what: string, reasons: ReadonlyArray<LogGap['reason']>): Promise<void> {
    const kept = await this.all()
    const answers = [['locate', await this.locate(position)], ['page', await this.page(position, PAGE)]] as const
    for (const [method, answer] of answers) {
      const wanted = `that ${method}() answers a gap (${reasons.join(' or ')}) for ${what}, ${shown(position)}`
      if (answer.kind !== 'gap') throw new Broken(wanted, `{ kind: ${shown(answer.kind)} }`)
      promise(reasons.includes(answer.reason), wanted, () => `a gap with the reason ${answer.reason}`)
      await this.begins(answer, kept, `the gap of ${method}()`)
    }
  }

  /** What it says of the beginning of the history is true. */
  async begins ({ oldest, before }: LogBeginning, kept: readonly LogEntry[], what: string): Promise<void> {
    const first = kept[0]?.position ?? null
    promise(oldest === first, `that ${what} names the oldest entry, ${shown(first)}`, () => shown(oldest))
    promiseSame(positionsOf(await this.after(before)), positionsOf(kept),
      `that the log goes on from the position before it, by ${what}`)
    await this.isFound(before, `the position before the oldest entry, by ${what}`)
  }

  /** A call fails with this code. */
  async isRefused (what: string, code: string, call: (log: EventLog) => unknown): Promise<void> {
    const came = await this.failureOf(what, call)
    const seen = typeof came === 'object' && came !== null && 'code' in came ? came.code : undefined
    promise(seen === code, `that ${what} fails with ${code}`,
      () => came === undefined ? 'an answer' : String(asError(came, what)))
  }

  /** What a call fails with; `undefined` where it answers. */
  async failureOf (what: string, call: (log: EventLog) => unknown): Promise<unknown> {
    try {
      await this.#asker.ask(what, () => call(this.log))
    } catch (error) {
      return error ?? new Error('nothing')
    }
  }

  /** Throws what one of its tails did that no tail may do. */
  check (): void {
    for (const told of this.#tolds) told.check()
  }

  #draft (data: unknown, more: Partial<LogDraft>): LogDraft {
    return { event: 'message', json: JSON.stringify(data), keys: [], at: this.#asker.now(), ...more }
  }

  #silence (why: string): void {
    for (const told of this.#tolds) told.over(why)
  }
}

/** The positions of entries. */
export function positionsOf (entries: readonly LogEntry[]): string[] {
  return entries.map(({ position }) => position)
}

/** The data of entries. */
export function jsonsOf (entries: readonly LogEntry[]): string[] {
  return entries.map(({ json }) => json)
}

/** `1` to `count`. */
export function numbers (count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** `1` to `count` as JSON. */
export function numberTexts (count: number): string[] {
  return numbers(count).map(String)
}
