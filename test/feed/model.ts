/**
 * The model of a feed: all that was ever published, and for each client what it must see of that. It knows nothing of how the
 * feed does it.
 */
import type { Gap } from '../../lib/wire/protocol.ts'
import type { Seen } from './listener.ts'
import { firstWithin, type History, type Now } from './history.ts'
import { isExact, isKeptBy, newestLost, Past } from './model-past.ts'
import { KEYS, type Shape, type World } from './model-script.ts'

/** True where the filter, or the projection, of this shape throws at an entry, if it is asked about that. */
export function isPoisoned (shape: Shape, number: number): boolean { return shape.throws !== 'never' && number % 7 === 3 }

/** True where an entry is for a filter of this shape. One that it throws at is: it is to be reported. */
export function passesWhere (shape: Shape, number: number): boolean {
  return !shape.where || number % 2 === 0 || (shape.throws === 'where' && isPoisoned(shape, number))
}

/** True where a projection of this shape leaves an entry out. */
export function isLeftOut (shape: Shape, number: number): boolean { return shape.as && number % 5 === 0 && !isPoisoned(shape, number) }

/** True for an entry after which a stream of this shape ends. It is never left out, nor thrown at. */
export function endsAfter ({ ends }: Shape, number: number): boolean { return ends && number % 11 === 4 && number % 5 !== 0 && number % 7 !== 3 }

/** A snapshot that was taken for a client, and not yet told to its end. */
export interface Taken {
  asOf: number
  gap: Gap | undefined
  /** Those that were followed when it was asked for, and are still. */
  keys: Set<string>
}

/** What one client may see: told of each event when it is read, it throws where that is wrong. */
export class Witness {
  /** The number of the newest entry that the client has, or was told it does without; `undefined` before the beginning. */
  at: number | undefined
  lastEventId: string | undefined
  /** For each key that it follows: behind which number. */
  follows: Map<string, number> | undefined
  snapshot: Taken | undefined
  /** How it was asked to begin. */
  requested: string | undefined
  hasChangedKeys = false
  /** True when it has got the entry after which its stream ends. */
  isOver = false
  /** Keys that were followed while a snapshot was not told to its end: it may hold what was before that, and then what followed it comes too. */
  readonly #followedMeanwhile = new Set<string>()
  readonly #shape: Shape
  readonly #history: History
  #states = 0
  #isBehindHole = false
  #past: Past
  readonly #now: () => Now
  /** Up to this number entries may be missing: a gap has told that, or it is a first connect. */
  #toldUpTo = 0
  /** What was not kept of its keys when it connected. */
  #lostAtOpening = 0
  /** After a gap in the mode `latest`: the newest of each key, up to the head of that moment. */
  #conflation: { from: number, head: number, oldest: number, first: string | null, got: Set<string>, keepsAll: boolean, follows: Map<string, number> | undefined } | undefined

  constructor (shape: Shape, history: History, now: () => Now) {
    this.#shape = shape
    this.#history = history
    this.#now = now
    this.#past = new Past(shape, history, false)
  }

  /** A new connection. */
  opens (requested: string | undefined, keys: Iterable<string> | undefined): void {
    this.requested = requested
    this.at = undefined
    this.snapshot = undefined
    this.hasChangedKeys = false
    this.isOver = false
    this.#followedMeanwhile.clear()
    this.#states = 0
    this.#conflation = undefined
    this.#isBehindHole = false
    this.follows = keys === undefined ? undefined : new Map(Array.from(keys, (key) => [key, -1]))
    this.#past = new Past(this.#shape, this.#history, requested === undefined)
    this.#lostAtOpening = newestLost(this.#history, this.follows, this.#now())
    this.#toldUpTo = requested === undefined && this.#shape.from === 'earliest' && this.#keepsByKey ? this.#lostAtOpening : 0
  }

  /** True where entries of its keys are kept that the log has dropped. */
  get #keepsByKey (): boolean {
    const { world } = this.#now()
    return world.perKey !== undefined && world.paged === undefined && this.follows !== undefined
  }

  /** The client follows a key from now on. */
  /** @param knowsHead where the feed does not, nobody can say what was published before: an entry from before that may come */
  follow (key: string, last: number, knowsHead: boolean): void {
    this.hasChangedKeys = true
    if (this.follows === undefined || this.follows.has(key)) return
    this.follows.set(key, this.#history.head)
    this.#past.join(key, last)
    const { paged, retain } = this.#now().world
    // pages that are held may be older than what the log keeps: where the key was followed, it cannot be asked any more
    const mayForget = paged !== undefined && (retain.entries < 1_000 || Math.min(retain.bytes, retain.ageMs) !== Infinity)
    if (this.snapshot !== undefined || !knowsHead || mayForget) this.#followedMeanwhile.add(key)
  }

  unfollow (key: string): void {
    this.hasChangedKeys = true
    this.follows?.delete(key)
    this.#past.part(key)
    this.snapshot?.keys.delete(key)
    this.#followedMeanwhile.delete(key)
  }

  /** In pages behind a hole nobody knows where a key was followed: an entry from before that may come, rather than be lost. */
  #mayBeTooMany (number: number): boolean {
    const followed = this.#history.at(number).keys.filter((key) => this.follows?.has(key) === true)
    const mayBe = this.#isBehindHole ? followed.length > 0 : followed.some((key) => this.#followedMeanwhile.has(key))
    return mayBe && passesWhere(this.#shape, number) && !isLeftOut(this.#shape, number)
  }

  /** True for an entry that the client is to get now. */
  takes (number: number): boolean {
    return this.#isFor(number) && !isLeftOut(this.#shape, number)
  }

  saw (event: Seen, now: Now): void {
    if (this.isOver) throw new Error(`${event.event} came after the entry after which the stream ends`)
    const gap = event.event === 'stream:gap' ? JSON.parse(event.data) as Gap : undefined
    const isPoison = gap?.reason === 'failed'
    if (now.world.paged !== undefined && ((gap !== undefined && !isPoison) || this.snapshot !== undefined)) this.#isBehindHole = true
    if (gap !== undefined && !isPoison) this.#past.forget()
    if (isPoison) this.#sawPoison(gap, this.#history.numberOf(event.id), now)
    else if (gap !== undefined) this.#sawGap(gap, this.#history.numberOf(event.id), now)
    else if (event.event === 'stream:bookmark') this.#sawBookmark(this.#history.numberOf(event.id), now)
    else if (event.event === 'state') this.#sawState(JSON.parse(event.data) as { asOf: number, key: string | undefined }, event.id)
    else if (event.id === undefined) this.#sawPast(event)
    else this.#sawEntry(event)
    if (event.id !== undefined) this.lastEventId = event.id
  }

  /** The first number that is missing to the client; `undefined` where it has all, up to the head. */
  get missing (): number | undefined {
    if (this.isOver) return undefined
    if (this.at === undefined || this.snapshot !== undefined) return -1
    const { head } = this.#history
    const past = this.#past.missing(this.follows, this.#now())
    if (past !== undefined) return past
    const conflated = this.#conflation === undefined ? undefined : this.#missingOfConflation()
    if (conflated !== undefined) return conflated
    return this.#firstTaken(Math.max(this.at, this.#conflation?.head ?? 0), head)
  }

  /** Throws where it has not got all up to a number. */
  passes (to: number, what: string): void {
    if (this.snapshot !== undefined) throw new Error(`${what}, though a snapshot is not told`)
    this.#endConflation(to)
    const missing = this.at === undefined ? undefined : this.#firstTaken(this.at, to)
    if (missing !== undefined) throw new Error(`${missing} is missing without a word before ${what}; the client was at ${this.at}`)
  }

  #sawPast ({ event, data }: Seen): void {
    const { number } = JSON.parse(data) as { number: number }
    if (event !== 'message') throw new Error(`an event ${event} came without an id`)
    if (this.snapshot !== undefined) throw new Error(`the event ${number} came in place of a snapshot`)
    this.#past.saw(number, this.follows, this.hasChangedKeys)
  }

  #sawEntry ({ event, data, id }: Seen): void {
    const number = this.#history.numberOf(id)
    if (event !== 'message' || (JSON.parse(data) as { number: number }).number !== number) throw new Error(`the event ${number} is ${event} ${data}`)
    if (isPoisoned(this.#shape, number)) throw new Error(`the event ${number} came, though it was thrown at`)
    this.#advance(number, `the event ${number}`)
    this.isOver = endsAfter(this.#shape, number)
  }

  #sawPoison ({ requested, oldest }: Gap, number: number, { world }: Now): void {
    const what = `the gap of the event ${number}`
    if (!isPoisoned(this.#shape, number)) throw new Error(`${what} came, though nobody throws at that`)
    const before = this.#history.numberOf(requested)
    const mayLeaveOut = this.#conflation !== undefined || this.#shape.everyMs !== undefined || world.paged !== undefined || number <= this.#toldUpTo
    const isInPlace = mayLeaveOut ? before >= (this.at ?? 0) && before < number : before === number - 1
    if (!isInPlace || oldest !== null) throw new Error(`${what} is from ${before} to ${oldest}; the client was at ${this.at}`)
    this.#advance(number, what)
  }

  /** The client has got an entry, or was told that it does without. */
  #advance (number: number, what: string): void {
    if (this.at === undefined) throw new Error(`${what} came before the beginning`)
    if (this.snapshot !== undefined) throw new Error(`${what} came in place of a snapshot`)
    if (number <= this.at) throw new Error(`${what} came behind ${this.at}: twice, or out of order`)
    if (!this.takes(number) && !this.#mayBeTooMany(number)) throw new Error(`${what} is not for this client`)
    this.#past.sawInTurn(number)
    if (this.#conflation !== undefined && number <= this.#conflation.head) {
      this.#conflates(number)
    } else {
      this.passes(number - 1, what)
    }
    this.at = number
  }

  #conflates (number: number): void {
    const conflation = this.#conflation
    if (conflation === undefined) return
    const { name, position } = this.#history.at(number)
    if (conflation.got.size === 0 && conflation.first !== position && !this.hasChangedKeys && !this.#shape.as) throw new Error(`the gap named ${conflation.first} as the oldest, and ${number} came`)
    if (conflation.got.has(name)) throw new Error(`${number} is the second of its key after a gap`)
    for (let later = Math.max(number + 1, conflation.oldest); later <= conflation.head; later++) {
      if (this.#history.at(later).name === name && this.#isFor(later)) throw new Error(`${number} came after a gap, though ${later} is newer`)
    }
    conflation.got.add(name)
  }

  #sawBookmark (number: number, now: Now): void {
    if (this.#past.isFirst) this.#past.endFirst(number, this.follows, this.hasChangedKeys, now)
    if (this.snapshot !== undefined) this.#endState(number, 'bookmark')
    else if (this.at !== undefined) this.passes(number, `the bookmark ${number}`)
    else if (this.requested !== undefined && number !== this.#history.numberOf(this.requested)) throw new Error(`it went on at ${number}`)
    else if (this.requested === undefined && this.#shape.from === 'start' && number > 0 && !this.#keepsByKey) throw new Error(`it began at ${number} without a word`)
    else if (this.requested === undefined && this.#shape.from === 'earliest' && now.knowsHead && number + 1 > now.oldestInWindow) throw new Error(`it began at ${number}, and not at the earliest`)
    this.at = number
  }

  #sawState ({ asOf, key }: { asOf: number, key: string | undefined }, id: string | undefined): void {
    if (id !== undefined) throw new Error('an event of a snapshot carries an id')
    if (this.snapshot === undefined) throw new Error('the state came unasked')
    if (this.snapshot.asOf !== asOf) throw new Error(`the state of ${asOf}, and not that of ${this.snapshot.asOf}`)
    if (this.follows !== undefined && !this.follows.has(key ?? '')) throw new Error(`the state of ${key} is not for this client`)
    this.#states++
  }

  #endState (number: number, how: string): void {
    const { asOf, keys } = this.snapshot ?? { asOf: -1, keys: [] }
    // the state of a key is as of then, so all of its entries behind that come, whenever it was followed
    for (const key of keys) this.follows?.set(key, -1)
    if (number !== asOf) throw new Error(`a snapshot of ${asOf} ends with the ${how} ${number}`)
    const expected = this.follows === undefined ? KEYS.length : this.follows.size
    if (!this.hasChangedKeys && this.#states !== expected) throw new Error(`${this.#states} of ${expected} events of a snapshot came`)
    this.snapshot = undefined
    this.#states = 0
    this.#conflation = undefined
    this.#past.forget()
  }

  #sawGap (gap: Gap, behind: number, now: Now): void {
    if (this.snapshot !== undefined) {
      this.#endState(this.#history.numberOf(gap.requested), 'gap')
      this.#lostAtOpening = newestLost(this.#history, this.follows, now)
    } else this.checkGap(gap)
    // what is kept of its keys follows, with holes
    if (gap.reason === 'trimmed' || gap.reason === 'malformed') this.#toldUpTo = this.#lostAtOpening
    const from = gap.reason === 'lagged' && now.world.mode === 'latest' ? this.#history.numberOf(gap.requested) : undefined
    // one that still read pages from before the window goes on in the log
    if (from === behind || (from !== undefined && now.world.paged === undefined)) {
      if (behind !== from) throw new Error('a gap of the mode latest moves the client')
      this.#conflation = { from, head: now.head, oldest: now.oldestInWindow, first: gap.oldest, got: new Set(), keepsAll: keepsAll(now.world), follows: this.follows && new Map(this.follows) }
    } else {
      this.#checkOldest(gap, behind, now)
    }
    this.at = behind
  }

  /** What a gap says of the client: also asked where a snapshot takes its place. */
  checkGap ({ requested, reason }: Gap): void {
    if (reason === 'malformed') {
      if (requested !== this.requested) throw new Error(`${requested} was not asked`)
    } else if (reason === 'lagged') {
      if (this.at !== undefined) this.passes(this.#history.numberOf(requested), `the gap behind ${requested}`)
    } else if (requested === '' && this.requested === undefined && this.#shape.from === 'start') {
      if (reason !== 'trimmed' || this.at !== undefined) throw new Error(`a gap ${reason} at the start`)
    } else if (reason !== 'trimmed' || this.at !== undefined || requested !== this.requested) throw new Error(`a gap ${reason} behind ${requested}`)
    else if (this.#keepsByKey && isExact(this.#now()) && this.#history.numberOf(requested) >= this.#lostAtOpening) {
      throw new Error(`a gap behind ${requested}, though nothing of its keys was lost since then`)
    }
  }

  #checkOldest ({ requested, oldest, reason }: Gap, behind: number, now: Now): void {
    // one that was found at the opening, or by a page, may be told when more has come
    const next = oldest === null ? null : this.#history.positionOf(behind + 1)
    if (oldest !== next) throw new Error(`a gap to ${oldest}, and on behind ${behind}`)
    if (reason === 'malformed') return
    // what is lost may come after what is kept
    const isInHistories = behind < this.#toldUpTo && now.world.perKey !== undefined
    if (behind <= (requested === '' ? 0 : this.#history.numberOf(requested)) && !isInHistories) throw new Error(`a gap from ${requested} to ${oldest} in which nothing is missing`)
    if (reason === 'lagged' && now.world.paged === undefined && behind + 1 !== firstWithin(this.#history, now)) throw new Error(`skipped to ${behind + 1}, though ${firstWithin(this.#history, now)} was within the limits`)
  }

  #missingOfConflation (): number | undefined {
    if (this.#conflation === undefined) return undefined
    const { from, head, oldest, got, keepsAll, follows } = this.#conflation
    const seen = new Set<string>()
    for (let number = head; number > from; number--) {
      const { name } = this.#history.at(number)
      if (seen.has(name)) continue
      // what was dropped is kept by its key alone, whoever takes it
      const isNewest = !this.#history.entries.slice(number).some((later) => later.number <= head && later.name === name)
      // a key that was given up since then has still taken the place of what was older
      if (!this.#isFor(number, follows) || (number < oldest && !(isNewest && keepsAll))) continue
      seen.add(name)
      if (this.#isFor(number) && !got.has(name) && !isLeftOut(this.#shape, number)) return number
    }
    return undefined
  }

  #endConflation (to: number): void {
    if (this.#conflation === undefined) return
    const missing = this.#missingOfConflation()
    if (missing !== undefined) throw new Error(`${missing} is the newest of its key after a gap, and did not come`)
    if (to < this.#conflation.head && this.#firstTaken(to, this.#conflation.head) !== undefined) throw new Error(`it stands at ${to} after a gap up to ${this.#conflation.head}`)
    this.at = Math.max(this.at ?? 0, this.#conflation.head)
    this.#conflation = undefined
  }

  #firstTaken (from: number, to: number): number | undefined {
    for (let number = from + 1; number <= to; number++) if (this.takes(number) && !this.#mayBeLost(number) && !this.#isReplaced(number)) return number
    return undefined
  }

  /** True for what a gap has told of, and is not kept now. */
  #mayBeLost (number: number): boolean {
    if (number > this.#toldUpTo) return false
    const now = this.#now()
    return !isExact(now) || number >= now.oldestInWindow || !isKeptBy(this.#history, this.follows, number, now)
  }

  /** With ticks: a newer entry of its key comes in its place. One of keys that were given up since then may have. */
  #isReplaced (number: number): boolean {
    if (this.#shape.everyMs === undefined) return false
    const { name } = this.#history.at(number)
    return this.#history.entries.slice(number).some((later) => later.name === name && (this.hasChangedKeys ? passesWhere(this.#shape, later.number) : this.#isFor(later.number)))
  }

  #isFor (number: number, follows = this.follows): boolean {
    const { keys } = this.#history.at(number)
    const isFollowed = follows === undefined || keys.some((key) => (follows.get(key) ?? Infinity) < number)
    return isFollowed && passesWhere(this.#shape, number)
  }
}

/** True where the bounds on what conflation keeps beside the log are never reached. */
function keepsAll ({ retain, paged = Infinity }: World): boolean {
  return retain.bytes === Infinity && Math.min(retain.entries, paged) >= KEYS.length
}
