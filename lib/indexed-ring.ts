/** A power of two, as all numbers of slots are. */
const FEWEST_SLOTS = 4
/** Those of all empty rings. Nothing is put there: the first item grows the ring. */
const NO_SLOTS: undefined[] = []

/**
 * A queue that is addressed by absolute indexes: the slots are reused, the indexes never. An index that has left, or
 * has not come yet, gives `undefined`, and cannot be mistaken for another. Indexes are exact up to 2^53; a slot is
 * found by the lowest bits, which `&` keeps of any of them.
 */
export class IndexedRing<Item> {
  /** None until there is an item: there may be hundreds of thousands of rings that stay empty. */
  #slots: Array<Item | undefined> = NO_SLOTS
  /** The first index that is kept; equal to `next` where nothing is. */
  first: number
  /** The index that the next item will get. */
  next: number

  constructor (first: number) {
    this.first = first
    this.next = first
  }

  /** The item at an index; `undefined` outside `first` (inclusive) to `next` (exclusive). */
  at (index: number): Item | undefined {
    return index >= this.first && index < this.next ? this.#slots[index & (this.#slots.length - 1)] : undefined
  }

  /** Adds an item at `next`. */
  push (item: Item): void {
    if (this.next - this.first === this.#slots.length) this.#grow()
    this.#slots[this.next & (this.#slots.length - 1)] = item
    this.next++
  }

  /** Puts another item in the place of one that is here. Does nothing outside of `first` to `next`. */
  replace (index: number, item: Item): void {
    if (index >= this.first && index < this.next) this.#slots[index & (this.#slots.length - 1)] = item
  }

  /** Goes on at another index. Only for an empty ring. */
  restart (index: number): void {
    if (this.first !== this.next) throw new RangeError('only an empty ring can go on elsewhere')
    this.first = index
    this.next = index
  }

  /** Drops the first item and returns it; `undefined` where there is none. */
  shift (): Item | undefined {
    if (this.first === this.next) return undefined
    const slot = this.first & (this.#slots.length - 1)
    const item = this.#slots[slot]
    this.#slots[slot] = undefined
    this.first++
    return item
  }

  /** Gives slots back where most of them are empty. */
  compact (): void {
    const { length } = this.#slots
    if (length > FEWEST_SLOTS && (this.next - this.first) * 8 <= length) this.#resize(Math.max(FEWEST_SLOTS, length / 4))
  }

  #grow (): void {
    this.#resize(Math.max(FEWEST_SLOTS, this.#slots.length * 2))
  }

  /** @param length a power of two, at least the number of items */
  #resize (length: number): void {
    const slots: Array<Item | undefined> = new Array(length)
    for (let index = this.first; index < this.next; index++) slots[index & (slots.length - 1)] = this.#slots[index & (this.#slots.length - 1)]
    this.#slots = slots
  }
}

/**
 * The first index from `low` (inclusive) to `high` (exclusive) for which `isReached` holds; `high` where there is
 * none. It must hold for all indexes after that one. The middle is taken from the distance: bit operators would cut a
 * sum of indexes at 2^32.
 */
export function firstIndex (low: number, high: number, isReached: (index: number) => boolean): number {
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    if (isReached(middle)) high = middle
    else low = middle + 1
  }
  return low
}
