/** The one bound in bytes for all runs of a family: what they hold, and what leaves where that is too much. */
import { RunsFull, shown } from '../errors.ts'
import type { OnHeld } from '../feed/forms.ts'
import type { Window } from '../feed/window.ts'

/** What holds events. */
export interface Holder {
  readonly window: Window
}

/** What is needed of a family. */
export interface RoomParts {
  /** Its name. */
  readonly name: string
  readonly maxBytes: number
  /** True where events leave for others; else whoever needs room fails. */
  readonly trims: boolean
  /** All that hold events, the one that was started first first. */
  readonly holders: () => Iterable<Holder>
}

/** What the runs of one family hold. */
export class Room {
  readonly #parts: RoomParts
  #bytes = 0
  #formBytes = 0
  #isDropDue = false
  /** Those that have ended and still hold events, the one that ended first first. */
  readonly #ended = new Set<Holder>()

  constructor (parts: RoomParts) {
    this.#parts = parts
  }

  /** The bytes that are held: events, cached forms of them, and the runs themselves. */
  get bytes (): number { return this.#bytes }

  /** Something is held from now on in addition, or less. */
  readonly hold: OnHeld = (bytes, what) => {
    this.#bytes += bytes
    if (what === 'forms') this.#formBytes += bytes
    if (bytes > 0 && what === 'forms' && !this.#fits(0)) this.#dropFormsSoon()
  }

  /** It gets no more events, so its first ones leave before those of others. */
  end (holder: Holder): void {
    this.#ended.add(holder)
  }

  /** It is not kept any more. */
  forget (holder: Holder): void {
    this.#ended.delete(holder)
  }

  /**
   * Makes room for an event of `own`. Cached forms leave first, because they can be made again. Then, where events
   * are trimmed, the first ones of those that ended first, of the one that needs the room, and of the others: of
   * these the newest one stays, so that open streams get it. Throws `FST_EVENTFEED_RUNS_FULL` where no event is to
   * leave.
   */
  makeRoom (bytes: number, own: Holder | undefined): void {
    if (this.#fits(bytes)) return
    this.#dropForms()
    if (this.#fits(bytes)) return
    if (!this.#parts.trims) throw this.#full()
    for (const holder of this.#ended) {
      holder.window.shed(this.#excess(bytes), 0)
      if (holder.window.size === 0) this.#ended.delete(holder)
      if (this.#fits(bytes)) return
    }
    own?.window.shed(this.#excess(bytes), 0)
    if (this.#fits(bytes)) return
    for (const { window } of this.#parts.holders()) {
      window.shed(this.#excess(bytes), 1)
      if (this.#fits(bytes)) return
    }
  }

  /**
   * Makes room for one more run. Throws `FST_EVENTFEED_RUNS_FULL`, also where events are trimmed and that is not
   * enough.
   */
  enter (bytes: number): void {
    this.makeRoom(bytes, undefined)
    if (!this.#fits(bytes)) throw this.#full()
    this.#bytes += bytes
  }

  /** A run has left. */
  leave (bytes: number): void {
    this.#bytes -= bytes
  }

  #fits (bytes: number): boolean {
    return this.#bytes + bytes <= this.#parts.maxBytes
  }

  #excess (bytes: number): number {
    return this.#bytes + bytes - this.#parts.maxBytes
  }

  /** When all have read who are about to: what one of them has made serves the next. */
  #dropFormsSoon (): void {
    if (this.#isDropDue) return
    this.#isDropDue = true
    setImmediate(() => {
      this.#isDropDue = false
      if (!this.#fits(0)) this.#dropForms()
    })
  }

  #dropForms (): void {
    if (this.#formBytes === 0) return
    for (const { window } of this.#parts.holders()) window.forms.shrink(0)
  }

  #full (): Error {
    return new RunsFull(shown(this.#parts.name), this.#bytes)
  }
}
