/** Counts a sequence of bytes in text that comes in pieces. It knows nothing of what the text is. */

/** What one stream has matched so far. */
export interface Match {
  /** How many bytes of the next occurrence have come. */
  matched: number
}

/** A sequence to count, by the algorithm of Knuth, Morris and Pratt: it never goes back, so a match may span pieces. */
export class Sequence {
  readonly #bytes: Buffer
  readonly #fallback: number[]

  constructor (bytes: Buffer) {
    this.#bytes = bytes
    this.#fallback = fallbacks(bytes)
  }

  /**
   * Counts occurrences that do not overlap, and stops behind number `most`.
   *
   * @returns how many were found, and where it stopped
   */
  count (text: Buffer, match: Match, most = Infinity): { found: number, end: number } {
    const first = this.#bytes[0] ?? 0
    let found = 0
    let at = 0
    while (at < text.length && found < most) {
      if (match.matched === 0) {
        at = text.indexOf(first, at)
        if (at === -1) return { found, end: text.length }
      }
      found += this.#step(text[at++], match)
    }
    return { found, end: at }
  }

  /** Takes one byte. Returns 1 where it ends an occurrence. */
  #step (byte: number | undefined, match: Match): 0 | 1 {
    while (match.matched > 0 && byte !== this.#bytes[match.matched]) match.matched = this.#fallback[match.matched - 1] ?? 0
    if (byte === this.#bytes[match.matched]) match.matched++
    if (match.matched < this.#bytes.length) return 0
    match.matched = 0
    return 1
  }
}

/** For each place, how much of the beginning also ends there. */
function fallbacks (bytes: Buffer): number[] {
  const result = [0]
  let known = 0
  for (let at = 1; at < bytes.length; at++) {
    while (known > 0 && bytes[at] !== bytes[known]) known = result[known - 1] ?? 0
    if (bytes[at] === bytes[known]) known++
    result.push(known)
  }
  return result
}
