/** The tables that the bench prints. */
import { OURS, SERVERS } from './servers.ts'
import type { Spread, Summary } from './summary.ts'
import type { Workload } from './workloads.ts'

export interface TableOptions {
  readonly workload: Workload
  readonly connections: number
  readonly rounds: number
  readonly summaries: readonly Summary[]
}

/** The table of one workload. */
export function table ({ workload, connections, rounds, summaries }: TableOptions): string {
  const head = ['', workload.unit, 'min–max', 'ours ÷ it', 'min–max', 'wire bytes', '']
  const rows = summaries.map(({ server, value, oursToIts, bytesEach, note }) => [
    titleOf(server),
    value.median.toFixed(workload.decimals),
    range(value, workload.decimals),
    oursToIts === undefined ? (server === OURS ? '1' : '') : ratio(oursToIts.median),
    oursToIts === undefined ? '' : `${ratio(oursToIts.least)}–${ratio(oursToIts.most)}`,
    bytesEach === undefined ? '' : bytesEach.toFixed(0),
    note ?? ''
  ])
  const streams = `${connections.toLocaleString('en')} connection${connections === 1 ? '' : 's'}, ${rounds} round${rounds === 1 ? '' : 's'}`
  return `\n${workload.name}: ${workload.title} (${streams})\n  ${workload.reason}\n${aligned([head, ...rows])}`
}

/** How a server is called in tables. */
export function titleOf (server: string): string {
  return SERVERS.find(({ name }) => name === server)?.title ?? server
}

/** A ratio with three digits that mean something. */
export function ratio (value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

function range ({ least, most }: Spread, decimals: number): string {
  return `${least.toFixed(decimals)}–${most.toFixed(decimals)}`
}

/** The first and the last column stand to the left, the others to the right. */
function aligned (rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => `  ${row.map((cell, column) => {
    const width = widths[column] ?? 0
    return column === 0 || column === row.length - 1 ? cell.padEnd(width) : cell.padStart(width)
  }).join('  ')}`.trimEnd()).join('\n')
}
