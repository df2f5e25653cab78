/** What the claims about logs throw, and how they compare what came with what was promised. */
import { shown } from '../errors.ts'

/** A promise that a log has broken. */
export class Broken extends Error {
  readonly promised: string
  readonly came: string

  constructor (promised: string, came: string) {
    super(`promised: ${promised}; what came: ${came}`)
    this.promised = promised
    this.came = came
  }
}

/** Throws where `holds` is false. */
export function promise (holds: boolean, promised: string, came: () => string): void {
  if (!holds) throw new Broken(promised, came())
}

/** Throws where two lists of plain values are not the same. */
export function promiseSame (came: readonly unknown[], wanted: readonly unknown[], promised: string): void {
  if (JSON.stringify(came) === JSON.stringify(wanted)) return
  const index = wanted.findIndex((value, index) => JSON.stringify(value) !== JSON.stringify(came[index]))
  const at = index === -1 ? wanted.length : index
  const seen = at < came.length ? shown(came[at]) : 'nothing more'
  const hoped = at < wanted.length ? shown(wanted[at]) : 'nothing more'
  throw new Broken(`${promised}: ${wanted.length}, of which number ${at + 1} is ${hoped}`,
    `${came.length}, of which number ${at + 1} is ${seen}`)
}
