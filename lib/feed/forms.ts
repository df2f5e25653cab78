/**
 * Cached forms of a log's entries: their parsed data, their frames. They can be made again, so they leave before
 * entries do, and hold at most a share of what the log may hold. It does not know what the forms are.
 */
import { FORMS_SHARE } from '../defaults.ts'
import { Few } from '../few.ts'
import type { Entry } from './entry.ts'

/** Whoever keeps forms, and has them counted here. */
export interface FormKeeper {
  /** The bytes of all forms that it keeps. */
  readonly bytes: number
  /** How many readers share them; `undefined`: as many as share all others. */
  readonly readers: number | undefined
  /** Lets go of the forms that it made first, until the others hold at most this many bytes. Has them counted. */
  shrink (bytes: number): void
}

/** Called with the bytes that are held from now on in addition; negative where these are less. */
export type OnHeld = (bytes: number, what: 'entries' | 'forms') => void

/** So much of the share is freed at once: to choose what leaves costs a look at each keeper. */
const FREED_AT_ONCE = 1 / 8

/** The forms of one log's entries. */
export class Forms {
  readonly #keepers = new Few<FormKeeper>()
  readonly #most: number
  #bytes = 0
  #isShrinking = false
  readonly #onHeld: OnHeld | undefined

  /** @param logBytes what the log may hold, forms included */
  constructor (logBytes: number, onHeld?: OnHeld) {
    this.#most = logBytes * FORMS_SHARE
    this.#onHeld = onHeld
  }

  /** The bytes of all forms. */
  get bytes (): number { return this.#bytes }

  add (keeper: FormKeeper): void {
    this.#keepers.add(keeper)
  }

  /** It keeps nothing any more. */
  remove (keeper: FormKeeper): void {
    if (!this.#keepers.delete(keeper)) return
    this.#bytes -= keeper.bytes
    this.#onHeld?.(-keeper.bytes, 'forms')
  }

  /** Counts bytes that a keeper keeps more, or less where they are negative. Others leave where that is too much. */
  charge (bytes: number): void {
    this.#bytes += bytes
    this.#onHeld?.(bytes, 'forms')
    if (this.#bytes > this.#most) this.shrink(this.#most)
  }

  /**
   * Lets go of forms until the others hold at most this many bytes, and some more. Each keeper may keep as much for
   * each of its readers as any other, so forms that many share leave last, and those that few share take no room from
   * them.
   */
  shrink (bytes: number): void {
    if (this.#bytes <= bytes || this.#isShrinking) return
    this.#isShrinking = true
    const keepers = [...this.#keepers.all].filter(({ bytes }) => bytes > 0)
    const all = Math.max(1, keepers.reduce((sum, { readers = 0 }) => sum + readers, 0))
    const shares = keepers.map((keeper) => ({ keeper, readers: keeper.readers ?? all })).sort((a, b) => a.keeper.bytes / a.readers - b.keeper.bytes / b.readers)
    let left = Math.max(0, bytes - this.#most * FREED_AT_ONCE)
    let readersLeft = shares.reduce((sum, { readers }) => sum + readers, 0)
    for (const { keeper, readers } of shares) {
      const part = left * readers / readersLeft
      if (keeper.bytes > part) keeper.shrink(part)
      left -= keeper.bytes
      readersLeft -= readers
    }
    this.#isShrinking = false
  }
}

/** The parsed data of entries: what filters and projections see. */
export class Views implements FormKeeper {
  /** All that filter or project share them. */
  readonly readers = undefined
  readonly #forms: Forms
  /** What each counts; the one that was parsed first comes first. `undefined` until one is. */
  #sizes: Map<Entry, number> | undefined
  #bytes = 0

  constructor (forms: Forms) {
    this.#forms = forms
  }

  get bytes (): number { return this.#bytes }

  /** The data of an entry was parsed. */
  viewMade (entry: Entry, bytes: number): void {
    if (this.#sizes === undefined) {
      this.#sizes = new Map()
      this.#forms.add(this)
    }
    this.#sizes.set(entry, bytes)
    this.#bytes += bytes
    this.#forms.charge(bytes)
  }

  /** The entry leaves the log, and its parsed data with it. */
  forget (entry: Entry): void {
    const size = this.#sizes?.get(entry)
    if (size === undefined) return
    this.#sizes?.delete(entry)
    this.#bytes -= size
    this.#forms.charge(-size)
  }

  shrink (bytes: number): void {
    for (const entry of this.#sizes?.keys() ?? []) {
      if (this.#bytes <= bytes) return
      this.forget(entry)
      entry.forgetView()
    }
  }
}
