/**
 * The filters of those who wait at the head of a feed. All of them stand at the same place, so one that refuses what is new costs
 * the call of its predicate, and no look at its stream.
 */
import type { Entry, EntryView } from '../log/entry.ts'
import type { Window } from '../log/window.ts'
import type { FeedFigures } from './figures.ts'

/** Somebody who waits for entries that a predicate takes. */
export interface FilteredWaiter {
  /** Where it stands among the filters; -1 where it does not. Kept by them alone. */
  filterPlace: number
  /**
   * There is something for it: the entry at the place where it stands, if one is given; else it is to look from there on. It waits no more
   * when it has asked where that is.
   */
  accept (entry: Entry | undefined): void
}

/** Where one who waits stands. */
export interface Standing {
  /** The index of the next entry that it was not asked about. */
  readonly index: number
  /** The position before that; `undefined` where it stands where it began to wait. */
  readonly position: string | undefined
}

type Where = (view: EntryView) => unknown

/** How many predicates are called between two looks at the clock. */
const CALLS_PER_LOOK = 256

/** The filters of one feed. */
export class Filters {
  readonly #window: Window
  // one array for each property: a round looks at nothing else
  readonly #wheres: Where[] = []
  readonly #since: number[] = []
  readonly #waiters: FilteredWaiter[] = []
  /** The round asks about the entries from one index to another, exclusive. */
  #from: number
  #to: number
  #fromPosition = ''
  #toPosition = ''
  /** Those below this place are still to be asked. */
  #left = 0
  readonly #figures: FeedFigures

  constructor (window: Window, figures: FeedFigures) {
    this.#window = window
    this.#figures = figures
    this.#from = window.next
    this.#to = window.next
  }

  /** Waits. @param since the index where the waiter stands: it has passed what is before it */
  wait (waiter: FilteredWaiter, where: Where, since: number): void {
    if (waiter.filterPlace !== -1) return
    waiter.filterPlace = this.#waiters.length
    this.#wheres.push(where)
    this.#since.push(since)
    this.#waiters.push(waiter)
  }

  /** Waits no more. */
  leave (waiter: FilteredWaiter): void {
    let place = waiter.filterPlace
    if (place === -1) return
    waiter.filterPlace = -1
    if (place < this.#left) {
      // the gap moves to the border between those who are still to be asked and those who were
      this.#move(--this.#left, place)
      place = this.#left
    }
    this.#move(this.#waiters.length - 1, place)
    this.#wheres.pop()
    this.#since.pop()
    this.#waiters.pop()
  }

  /** Where a waiter stands now. */
  standing ({ filterPlace: place }: FilteredWaiter): Standing {
    const wasAsked = place >= this.#left
    const asked = wasAsked ? this.#to : this.#from
    const since = this.#since[place] ?? asked
    return since >= asked ? { index: since, position: undefined } : { index: asked, position: wasAsked ? this.#toPosition : this.#fromPosition }
  }

  /** Begins a round over what has come since the last. */
  begin (): void {
    this.#from = this.#to
    this.#fromPosition = this.#toPosition
    this.#to = this.#window.next
    this.#toPosition = this.#window.positionBefore(this.#to)
    this.#left = this.#from === this.#to ? 0 : this.#waiters.length
  }

  /** Goes on with the round. Returns true at its end, false where `isTime` says that other work is to run. */
  proceed (isTime: () => boolean): boolean {
    const from = this.#from
    const to = this.#to
    const first = this.#window.at(from)
    // nearly always it is one entry
    const view = first !== undefined && to - from === 1 ? first.view : undefined
    for (let calls = 0; this.#left > 0;) {
      const place = this.#left - 1
      if (view === undefined || (this.#since[place] ?? 0) > from) {
        this.#ask(place, Math.max(from, this.#since[place] ?? 0), to)
        calls += to - from
      } else {
        calls++
        let taken: Entry | undefined
        let isTaken = true
        try {
          isTaken = Boolean(this.#wheres[place]?.(view))
          taken = first
        } catch { /* it throws again when the stream is read */ }
        if (isTaken) this.#accept(place, taken)
        else {
          this.#figures.filtered++
          this.#left = place
        }
      }
      if (calls >= CALLS_PER_LOOK) {
        calls = 0
        if (this.#left > 0 && isTime()) return false
      }
    }
    return true
  }

  /** Asks one about several entries, or about those since it began to wait. */
  #ask (place: number, from: number, to: number): void {
    const where = this.#wheres[place]
    for (let index = from; index < to; index++) {
      const entry = this.#window.at(index)
      try {
        if (entry === undefined || where?.(entry.view)) return this.#accept(place)
      } catch {
        return this.#accept(place)
      }
    }
    this.#figures.filtered += Math.max(0, to - from)
    this.#left = place
  }

  /** It stands where the round began, and leaves. */
  #accept (place: number, entry?: Entry): void {
    const waiter = this.#waiters[place]
    waiter?.accept(entry)
    // it may wait again by now; one that did not leave would be asked for ever
    if (waiter !== undefined && this.#left > place) this.leave(waiter)
  }

  #move (from: number, to: number): void {
    const waiter = this.#waiters[from]
    const where = this.#wheres[from]
    if (from === to || waiter === undefined || where === undefined) return
    this.#waiters[to] = waiter
    this.#wheres[to] = where
    this.#since[to] = this.#since[from] ?? 0
    waiter.filterPlace = to
  }
}
