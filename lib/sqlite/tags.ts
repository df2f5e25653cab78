/**
 * The positions of a log: `<tag>-<number>`. Entries are numbered without holes from 1 on. Each opening of the file
 * draws a tag for the entries that it adds: so a position of an entry that the file has lost, or never had, is never
 * mistaken for one that it has.
 */
import { randomBytes } from 'node:crypto'

/** The number without leading zeros, and not so long that it loses precision. */
const POSITION = /^([a-z0-9]{1,32})-(0|[1-9]\d{0,14})$/
/** 40 random bits: of the thousand tags of a log two hardly ever agree, and an id stays short. */
const TAG_BYTES = 5

/** The entries that one opening has added. */
export interface Run {
  readonly tag: string
  /** Counts the openings that are stored, from 0 on. */
  readonly opening: number
  /** The number of its first entry. */
  readonly first: number
}

/** A position as its parts. */
export interface Parts {
  readonly tag: string
  readonly number: number
}

/** The run of a new opening, whose first entry will be that of the number. Its tag is none of the others'. */
export function nextRun (runs: readonly Run[], first: number): Run {
  const tag = randomBytes(TAG_BYTES).toString('hex')
  if (runs.some((run) => run.tag === tag)) return nextRun(runs, first)
  return { tag, opening: (runs.at(-1)?.opening ?? -1) + 1, first }
}

/** Takes a position apart; `undefined` for a text that is none. */
export function partsOf (position: string): Parts | undefined {
  const [, tag, number] = POSITION.exec(position) ?? []
  return tag === undefined ? undefined : { tag, number: Number(number) }
}

/** The position of an entry. Number 0 stands before the first entry of all. */
export function positionOf (runs: readonly Run[], number: number): string {
  return `${(runOf(runs, number) ?? runs[0])?.tag}-${number}`
}

/** The run that an entry belongs to; `undefined` where it is older than all of them. `runs` are in order. */
export function runOf (runs: readonly Run[], number: number): Run | undefined {
  return runs.findLast(({ first }) => first <= number)
}

/**
 * Whether an entry ever had this position: `ahead` where its tag is that of the present opening, which has not come so
 * far. `head` is the number of the newest entry.
 */
export function standing ({ tag, number }: Parts, runs: readonly Run[], head: number): 'known' | 'epoch' | 'ahead' {
  const index = runs.findIndex((run) => run.tag === tag)
  const run = runs[index]
  if (run === undefined) return 'epoch'
  const isFirst = run.first === 1 && number === 0
  if (number < run.first && !isFirst) return 'epoch'
  const next = runs[index + 1]
  if (next === undefined) return number > head ? 'ahead' : 'known'
  return number < next.first ? 'known' : 'epoch'
}
