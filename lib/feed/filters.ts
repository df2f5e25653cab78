/**
 * The filters of those who wait at the head of a feed. All of them stand at the same place, so one that refuses what
 * is new costs the call of its predicate, and no look at its stream.
 */
import type { OwnContext } from '../own-context.ts'
import type { Entry, EntryView } from './entry.ts'
import type { FeedFigures } from './figures.ts'
import { isTaken, Poison, truthOf, type Where } from './poison.ts'
import type { Window } from './window.ts'

/** Somebody who waits for entries that a predicate takes. */
export interface FilteredWaiter {
  /** Where it stands among the filters; -1 where it does not. Kept by them alone. */
  filterPlace: number
  /**
   * There is something for it: the entry that its predicate takes, or has thrown at, and no other before that;
   * without an entry, it is to look from where it stands. It waits no more when it has asked where that is.
   */
  accept (entry: Entry | undefined, poison: Poison | undefined): void
  /** `accept` has thrown: it ends. */
  fail (error: unknown): void
}

/** Where one who waits stands. */
export interface Standing {
  /** The index of the next entry that it was not asked about. */
  readonly index: number
  /** The position before that; `undefined` where it stands where it began to wait. */
  readonly position: string | undefined
}

/** Ends one that has thrown where nobody else would catch it, so that others are not hurt. */
export function failAlone (waiter: Pick<FilteredWaiter, 'fail'>, error: unknown, report: (error: unknown) => void): void {
  try {
    waiter.fail(error)
  } catch (second) {
    report(second)
  }
}

/** Wakes one, and ends it where that throws. */
export function wakeAlone (waiter: Pick<FilteredWaiter, 'fail'> & { wake (): void }, report: (error: unknown) => void): void {
  try {
    waiter.wake()
  } catch (error) {
    failAlone(waiter, error, report)
  }
}

/** How many predicates are called between two looks at the clock. */
const CALLS_PER_LOOK = 256

/** The filters of one feed. */
export class Filters {
  readonly #window: Window
  // one array for each property: a round looks at nothing else
  readonly #wheres: Where[] = []
  readonly #contexts: Array<OwnContext | undefined> = []
  readonly #since: number[] = []
  readonly #waiters: FilteredWaiter[] = []
  /** The round asks about the entries from one index to another, exclusive. */
  #from: number
  #to: number
  #fromPosition = ''
  #toPosition = ''
  /** Those below this place are still to be asked. */
  #left = 0
  /** How often somebody has left: a predicate may end streams, its own among them. */
  #departures = 0
  readonly #figures: FeedFigures
  readonly #report: (error: unknown) => void

  /** @param report logs what a waiter throws even while it is being ended; never throws */
  constructor (window: Window, figures: FeedFigures, report: (error: unknown) => void) {
    this.#window = window
    this.#figures = figures
    this.#report = report
    this.#from = window.next
    this.#to = window.next
  }

  /** True where nobody waits with a filter. */
  get isIdle (): boolean { return this.#waiters.length === 0 }

  /** Waits. @param since the index where the waiter stands: it has passed what is before it */
  wait (waiter: FilteredWaiter, where: Where, context: OwnContext | undefined, since: number): void {
    if (waiter.filterPlace !== -1) return
    waiter.filterPlace = this.#waiters.length
    this.#wheres.push(where)
    this.#contexts.push(context)
    this.#since.push(since)
    this.#waiters.push(waiter)
  }

  /** Waits no more. */
  leave (waiter: FilteredWaiter): void {
    let place = waiter.filterPlace
    if (place === -1) return
    waiter.filterPlace = -1
    this.#departures++
    if (place < this.#left) {
      // the gap moves to the border between those who are still to be asked and those who were
      this.#move(--this.#left, place)
      place = this.#left
    }
    this.#move(this.#waiters.length - 1, place)
    this.#wheres.pop()
    this.#contexts.pop()
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
    // nearly always it is one entry
    const lone = to - from === 1 ? this.#window.at(from) : undefined
    let view: EntryView | undefined
    for (let calls = 0; this.#left > 0;) {
      const place = this.#left - 1
      const waiter = this.#waiters[place]
      const where = this.#wheres[place]
      const context = this.#contexts[place]
      if (waiter === undefined || where === undefined) return true
      if (lone === undefined || (this.#since[place] ?? 0) > from) {
        this.#ask(waiter, where, context, Math.max(from, this.#since[place] ?? 0), to)
        calls += to - from
      } else {
        const departures = this.#departures
        let isAccepted = false
        let poison: Poison | undefined
        calls++
        try {
          // made when somebody asks: publishing what nobody filters costs no look into it
          view ??= lone.view
          // not through a closure: to look at one more object for each stream costs more than the call
          isAccepted = truthOf(context === undefined ? where(view) : context.runInAsyncScope(where, undefined, view))
        } catch (error) {
          poison = new Poison(error)
        }
        // one that has left has had its answer
        if (departures === this.#departures || this.#isToBeAsked(waiter)) {
          if (isAccepted || poison !== undefined) this.#accept(waiter, lone, poison)
          else this.#refuse(waiter, place, 1)
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
  #ask (waiter: FilteredWaiter, where: Where, context: OwnContext | undefined, from: number, to: number): void {
    for (let index = from; index < to; index++) {
      const entry = this.#window.at(index)
      if (entry === undefined) return this.#accept(waiter, undefined, undefined)
      let isAccepted = false
      let poison: Poison | undefined
      try {
        isAccepted = isTaken(where, entry, context)
      } catch (error) {
        poison = new Poison(error)
      }
      if (!this.#isToBeAsked(waiter)) return
      if (isAccepted || poison !== undefined) {
        this.#figures.filtered += index - from
        return this.#accept(waiter, entry, poison)
      }
    }
    this.#refuse(waiter, waiter.filterPlace, to - from)
  }

  #isToBeAsked ({ filterPlace: place }: FilteredWaiter): boolean {
    return place !== -1 && place < this.#left
  }

  /** It stays, and has passed what it was asked about. @param place where it was, and is but for departures */
  #refuse (waiter: FilteredWaiter, place: number, count: number): void {
    this.#figures.filtered += Math.max(0, count)
    const last = --this.#left
    if (place === last && this.#waiters[place] === waiter) return
    // others have left meanwhile, and it has moved: it changes places with the last that is to be asked
    const { filterPlace } = waiter
    const other = this.#waiters[last]
    const where = this.#wheres[filterPlace]
    const context = this.#contexts[filterPlace]
    const since = this.#since[filterPlace] ?? 0
    if (other === waiter || other === undefined || where === undefined) return
    this.#move(last, filterPlace)
    this.#waiters[last] = waiter
    this.#wheres[last] = where
    this.#contexts[last] = context
    this.#since[last] = since
    waiter.filterPlace = last
  }

  /** It stands where the round began, and leaves. */
  #accept (waiter: FilteredWaiter, entry: Entry | undefined, poison: Poison | undefined): void {
    try {
      waiter.accept(entry, poison)
    } catch (error) {
      failAlone(waiter, error, this.#report)
    }
    // it may wait again by now; one that did not leave would be asked for ever
    if (this.#isToBeAsked(waiter)) this.leave(waiter)
  }

  #move (from: number, to: number): void {
    const waiter = this.#waiters[from]
    const where = this.#wheres[from]
    if (from === to || waiter === undefined || where === undefined) return
    this.#waiters[to] = waiter
    this.#wheres[to] = where
    this.#contexts[to] = this.#contexts[from]
    this.#since[to] = this.#since[from] ?? 0
    waiter.filterPlace = to
  }
}
