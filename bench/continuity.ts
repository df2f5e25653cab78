/**
 * Whether what a client got has a silent hole. Events are numbered; a hole is announced where a `stream:gap` before it names the
 * client's last event ID as what was asked, and the next event as the oldest that is left. It knows no stream.
 */

/** How the feed treats slow readers; with `latest`, what follows a gap may be the newest event of each key. */
export type SlowConsumerMode = 'disconnect' | 'skip' | 'latest'

/** What is wrong with what one client got, and what it was told that it missed. */
export interface Verdict {
  readonly gaps: number
  /** Events that announced gaps have left out. */
  readonly missing: number
  readonly problems: readonly string[]
}

/** What came between two gaps. */
interface Stretch { readonly before: number, readonly numbers: number[], readonly oldest: string | null, firstId: string | undefined }

/** A key that few events have is as likely the newest of its kind as one that many have: how often the number can be halved. */
export function keyOf (number: number): string {
  return `key-${31 - Math.clz32(number & -number)}`
}

/** What one client got. */
export class Continuity {
  readonly #mode: SlowConsumerMode
  readonly #stretches: Stretch[]
  readonly #problems: string[] = []

  /** `before` is the number of the last event that was published before the client came. */
  constructor (before: number, mode: SlowConsumerMode) {
    this.#mode = mode
    this.#stretches = [{ before, numbers: [], oldest: null, firstId: undefined }]
  }

  /** The number of the last event. */
  get last (): number {
    const stretch = this.#stretches.at(-1)
    return stretch?.numbers.at(-1) ?? stretch?.before ?? 0
  }

  event (number: number, id: string): void {
    const stretch = this.#stretches.at(-1)
    if (stretch === undefined) return
    stretch.firstId ??= id
    stretch.numbers.push(number)
  }

  /** `lastEventId` is what the client had before it was told. */
  gap ({ requested, oldest }: { requested: string, oldest: string | null }, lastEventId: string | undefined): void {
    if (requested !== lastEventId) this.#problems.push(`a gap behind ${requested}, where the client has ${lastEventId}`)
    this.#stretches.push({ before: this.last, numbers: [], oldest, firstId: undefined })
  }

  /** Where `last` is the number of the newest event. */
  verdict (last: number): Verdict {
    const problems = [...this.#problems]
    let missing = 0
    for (const [index, stretch] of this.#stretches.entries()) {
      const problem = index === 0 ? unbroken(stretch) : this.#behindGap(stretch)
      if (problem !== undefined) problems.push(problem)
      missing += (stretch.numbers.at(-1) ?? stretch.before) - stretch.before - stretch.numbers.length
    }
    if (this.last !== last) problems.push(`ends at ${this.last}, not at ${last}`)
    return { gaps: this.#stretches.length - 1, missing, problems }
  }

  #behindGap ({ before, numbers, oldest, firstId }: Stretch): string | undefined {
    const [first] = numbers
    if (first === undefined) return `nothing follows the gap behind ${before}`
    if (firstId !== oldest) return `the gap names ${oldest} as the oldest, but ${firstId} follows`
    if (this.#mode === 'latest') return isConflated(before, numbers) ? undefined : `not the newest of each key, and then all: ${before}, gap, ${some(numbers)}`
    if (first === before + 1) return `a gap behind ${before}, but nothing is missing`
    return unbroken({ before: first - 1, numbers })
  }
}

function unbroken ({ before, numbers }: Pick<Stretch, 'before' | 'numbers'>): string | undefined {
  const at = numbers.findIndex((number, index) => number !== before + 1 + index)
  return at === -1 ? undefined : `a silent hole: ${numbers[at - 1] ?? before}, ${some(numbers.slice(at))}`
}

/** True where the first numbers are the newest of each key between `before` and some point, and the others go on there. */
function isConflated (before: number, numbers: readonly number[]): boolean {
  return numbers.some((point, index) => {
    const expected = newestOfEachKey(before, point)
    return expected.length === index + 1 && expected.every((number, place) => number === numbers[place]) && unbroken({ before: point, numbers: numbers.slice(index + 1) }) === undefined
  })
}

/** Of the numbers behind `before`, up to `last`, the newest of each key, in order. */
function newestOfEachKey (before: number, last: number): number[] {
  const newest = new Map<string, number>()
  for (let number = last; number > before; number--) if (!newest.has(keyOf(number))) newest.set(keyOf(number), number)
  return [...newest.values()].sort((one, other) => one - other)
}

function some (numbers: readonly number[]): string {
  return numbers.slice(0, 20).join(', ')
}
