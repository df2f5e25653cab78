/** What the model knows of histories by key: what is kept of each key, and what a client gets of the past of one. */
import { type History, type Now } from './history.ts'
import { isLeftOut, isPoisoned, passesWhere } from './model.ts'
import type { Shape } from './model-script.ts'

/** The keys that a client follows; `undefined` for all, and for entries without one. */
type Keys = { has (key: string): boolean } | undefined

/** True where it is known which entries are kept: no bound but the count. */
export function isExact ({ world: { retain } }: Now): boolean {
  return retain.bytes === Infinity && retain.ageMs === Infinity
}

/** True for an entry that is among the newest of one of these keys, as far as the count says. */
export function isKeptBy (history: History, keys: Keys, number: number, { world: { perKey } }: Now): boolean {
  if (perKey === undefined) return false
  return history.at(number).keys.some((key) => (keys === undefined || keys.has(key)) && newerOf(history, key, number) < perKey)
}

/** True for an entry that is in the window, or kept for one of these keys; where that is not known, false. */
function isThere (history: History, keys: Keys, number: number, now: Now): boolean {
  return number >= now.oldestInWindow || (now.world.paged === undefined && isExact(now) && isKeptBy(history, keys, number, now))
}

/** The number of the newest entry of these keys that is not kept; 0 where all are. As far as the count says. */
export function newestLost (history: History, keys: Keys, now: Now): number {
  if (now.world.perKey === undefined || keys === undefined || !isExact(now)) return now.oldestInWindow - 1
  for (let number = now.oldestInWindow - 1; number > 0; number--) {
    const lost = history.at(number).keys.some((key) => keys.has(key) && newerOf(history, key, number) >= (now.world.perKey ?? 0))
    if (lost) return number
  }
  return 0
}

function newerOf (history: History, key: string, number: number): number {
  return history.entries.slice(number).filter(({ keys }) => keys.includes(key)).length
}

/** A key that a client has joined, with the newest entries before a number. */
interface Joined { readonly last: number, readonly head: number }

/** What one client gets out of turn, on one connection. */
export class Past {
  readonly #shape: Shape
  readonly #history: History
  readonly #joined = new Map<string, Joined>()
  /** All that it has got on this connection, with an id or without. */
  readonly #got = new Set<number>()
  /** The same, but for what may come again. */
  readonly #gotOnce = new Set<number>()
  /** What it has got out of turn before its first bookmark. */
  #first: number[] | undefined

  constructor (shape: Shape, history: History, isFirst: boolean) {
    this.#shape = shape
    this.#history = history
    this.#first = isFirst && typeof shape.from === 'object' ? [] : undefined
  }

  get isFirst (): boolean { return this.#first !== undefined }

  /** It has joined a key. */
  join (key: string, last: number): void {
    if (last > 0) this.#joined.set(key, { last, head: this.#history.head })
  }

  /** It has given a key up: what it had of that may come again, where it joins the key again. */
  part (key: string): void {
    this.#joined.delete(key)
    for (const number of [...this.#got]) if (this.#history.at(number).keys.includes(key)) this.#gotOnce.delete(number)
  }

  /** Whatever it has got may come again, or not: there was a gap, or a state. */
  forget (): void { this.#gotOnce.clear() }

  /** An event came in turn. */
  sawInTurn (number: number): void {
    this.#add(number)
  }

  /** An event came without an id. */
  saw (number: number, follows: Keys, hasChangedKeys: boolean): void {
    const { keys } = this.#history.at(number)
    if (!this.#takes(number) || isLeftOut(this.#shape, number) || (this.#shape.throws === 'as' && isPoisoned(this.#shape, number))) throw new Error(`the event ${number} came out of turn, and is not for this client`)
    this.#add(number)
    if (this.#first !== undefined) {
      if ((this.#first.at(-1) ?? 0) >= number) throw new Error(`the event ${number} of the past came after ${this.#first.at(-1)}`)
      if (follows !== undefined && !keys.some((key) => follows.has(key)) && !hasChangedKeys) throw new Error(`the event ${number} of the past has none of its keys`)
      this.#first.push(number)
      return
    }
    const isJoined = keys.some((key) => {
      const joined = this.#joined.get(key)
      return joined !== undefined && this.#newest(key, joined.last, joined.head).includes(number)
    })
    if (!isJoined) throw new Error(`the event ${number} came without an id, and is not among the newest of a key that was joined`)
  }

  /** The past at the beginning is told, up to the number of the bookmark. */
  endFirst (head: number, follows: Keys, hasChangedKeys: boolean, now: Now): void {
    const got = new Set(this.#first)
    this.#first = undefined
    const { from } = this.#shape
    if (typeof from !== 'object' || hasChangedKeys) return
    const expected = new Set<number>()
    // one that is kept by another of its keys is not in the history of this one
    const due = new Set<number>()
    for (const key of new Set(this.#history.entries.slice(0, head).flatMap(({ keys }) => keys))) {
      if (follows !== undefined && !follows.has(key)) continue
      for (const number of this.#newest(key, from.lastPerKey, head)) {
        expected.add(number)
        if (this.#isGiven(number) && isThere(this.#history, new Set([key]), number, now)) due.add(number)
      }
    }
    for (const number of got) if (!expected.has(number)) throw new Error(`the event ${number} is not among the newest ${from.lastPerKey} of its keys up to ${head}`)
    for (const number of due) if (!got.has(number)) throw new Error(`the event ${number} of the past did not come`)
  }

  /** The first number of the past of a joined key that is missing; `undefined` where it has all. */
  missing (follows: ReadonlyMap<string, number> | undefined, now: Now): number | undefined {
    for (const [key, { last, head }] of this.#joined) {
      for (const number of this.#newest(key, last, head)) {
        // it may have got that by another key
        const isAlone = this.#history.at(number).keys.every((other) => other === key || follows?.has(other) !== true)
        if (isAlone && !this.#got.has(number) && this.#isGiven(number) && isThere(this.#history, new Set([key]), number, now)) return number
      }
    }
    return undefined
  }

  #add (number: number): void {
    if (this.#gotOnce.has(number)) throw new Error(`the event ${number} came twice, once out of turn`)
    this.#got.add(number)
    this.#gotOnce.add(number)
  }

  #newest (key: string, count: number, head: number): number[] {
    const all = this.#history.entries.slice(0, head).filter(({ number, keys }) => keys.includes(key) && this.#takes(number))
    return count === 0 ? [] : all.slice(-count).map(({ number }) => number)
  }

  #takes (number: number): boolean {
    return passesWhere(this.#shape, number) && !(this.#shape.throws === 'where' && isPoisoned(this.#shape, number))
  }

  /** False for what its projection leaves out, or throws at. */
  #isGiven (number: number): boolean {
    return !isLeftOut(this.#shape, number) && !(this.#shape.throws === 'as' && isPoisoned(this.#shape, number))
  }
}
