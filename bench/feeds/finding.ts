/** What a workload of feeds finds: several figures, each with its target where it has one. */

/** One figure of one round. */
export interface Finding {
  /** What it is; the same in each round. */
  readonly label: string
  readonly value: number
  readonly unit: string
  /** The target: at most so much, inclusive; `undefined` where there is none. */
  readonly most?: number | undefined
  /** True where the worst round decides, and not the median: what must never happen. */
  readonly isStrict?: boolean
  readonly note?: string | undefined
}

/** One figure of all rounds. */
export interface Found extends Finding {
  /** The median of the rounds is `value`; these are the least and the greatest. */
  readonly range: readonly [least: number, greatest: number]
  /** `undefined` where there is no target. */
  readonly holds: boolean | undefined
}

/** Brings together what the rounds have found, in the order of the first. */
export function gather (rounds: ReadonlyArray<readonly Finding[]>): Found[] {
  const labels = new Set(rounds.flat().map(({ label }) => label))
  return [...labels].flatMap((label) => {
    const found = rounds.flat().filter((finding) => finding.label === label)
    const last = found.at(-1)
    if (last === undefined) return []
    const sorted = found.map(({ value }) => value).sort((one, other) => one - other)
    const middle = median(sorted)
    const greatest = sorted.at(-1) ?? NaN
    const holds = last.most === undefined ? undefined : (last.isStrict === true ? greatest : middle) <= last.most
    return [{ ...last, value: middle, range: [sorted[0] ?? NaN, greatest] as const, holds }]
  })
}

/** Of an even number of values, the mean of the two in the middle. */
export function median (values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2
}

/** The table of one workload. */
export function tableOf (title: string, found: readonly Found[]): string {
  const rows = found.map(({ label, value, unit, range: [least, greatest], most, holds, note }) => [
    label, `${shown(value)} ${unit}`, `${shown(least)}–${shown(greatest)}`,
    most === undefined ? '' : `≤ ${shown(most)}: ${holds === true ? 'holds' : 'MISSED'}`, note ?? ''
  ])
  const all = [['', 'median', 'min–max', 'target', ''], ...rows]
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = all.map((row) => `  ${row.map((cell, column) => column === 1 || column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
  return `\n${title}\n${lines.join('\n')}`
}

/** Three digits that mean something; whole numbers whole. */
function shown (value: number): string {
  return Number.isInteger(value) || Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}
