/**
 * Memory for bytes that are kept for as long as their entries: cut from slabs of its own. In Node's pool they would
 * stand between bytes that are gone at once, and each would hold 8 KiB of them.
 */

/** Entries leave in the order in which they came, so a slab is free soon after its first. */
const SLAB_BYTES = 64 * 1024
/** The first slab is small, and each doubles what there was: who keeps little takes little. */
const FIRST_SLAB_BYTES = 1024
/** A larger piece is allocated by itself. */
const LARGEST_PIECE_BYTES = 8 * 1024

/** Cuts pieces from slabs. */
export class Slab {
  #slab: Buffer | undefined
  #used = 0
  #nextBytes = FIRST_SLAB_BYTES

  /** Allocates this many bytes, uninitialized. */
  allocate (bytes: number): Buffer {
    if (bytes > LARGEST_PIECE_BYTES) return Buffer.allocUnsafeSlow(bytes)
    if (this.#slab === undefined || this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(this.#nextBytes, bytes))
      this.#nextBytes = Math.min(SLAB_BYTES, this.#nextBytes * 2)
      this.#used = 0
    }
    const piece = this.#slab.subarray(this.#used, this.#used + bytes)
    this.#used += bytes
    return piece
  }
}
