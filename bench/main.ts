/**
 * `npm run bench`: measures this package beside others that do the same, and prints what they cost. See README.md beside
 * this file for the method.
 */
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Found } from './feeds/finding.ts'
import { playFeeds } from './feeds/rounds.ts'
import { readOptions, USAGE, UsageError, type BenchOptions } from './options.ts'
import { table, titleOf } from './report.ts'
import { playRounds, type Sample } from './rounds.ts'
import type { ServerKind } from './servers.ts'
import { summarize, type Summary } from './summary.ts'
import { judge } from './targets.ts'
import { Workshop } from './workshop.ts'

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) console.log(USAGE)
  else process.exitCode = await bench(options)
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}

/** Returns the exit code. */
async function bench (options: BenchOptions): Promise<number> {
  if (process.platform !== 'linux') throw new Error('the bench reads what processes use from /proc, which only Linux has')
  const workshop = new Workshop(options.before)
  const usesNodeClient = options.usesNodeClient || !workshop.compilesC
  console.log(`Node ${process.version}, ${cpus().length} cores; load client in ${usesNodeClient ? 'Node' : 'C'}; CPU time of the server's process, user and system`)
  const servers = options.workloads.length === 0 ? [] : present(options.servers, workshop)
  const samples: Sample[] = []
  const summaries = new Map<string, Summary[]>()
  for (const workload of options.workloads) {
    const played = await playRounds({ ...options, workload, servers, workshop, usesNodeClient, onSample: showProgress })
    samples.push(...played)
    const summary = summarize(played, servers.map(({ name }) => name))
    summaries.set(workload.name, summary)
    const last = played.at(-1)
    if (last !== undefined) console.log(table({ workload, connections: last.connections, rounds: last.round, summaries: summary }))
  }
  const feeds = await playFeeds({ options, workshop, usesNodeClient })
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify({ node: process.version, client: usesNodeClient ? 'node' : 'c', summaries: Object.fromEntries(summaries), samples, feeds: Object.fromEntries(feeds) }, null, 2))
  return options.checks ? check(summaries, feeds) : 0
}

function present (servers: readonly ServerKind[], workshop: Workshop): ServerKind[] {
  return servers.filter((kind) => {
    const why = kind.missing(workshop)
    if (why !== undefined) console.log(`${kind.title}: skipped, because ${why}`)
    return why === undefined
  })
}

function showProgress ({ workload, server, round, value }: Sample): void {
  if (process.stderr.isTTY) console.error(`  ${workload} ${round}: ${titleOf(server)} ${value.toPrecision(3)}`)
}

/** Targets that were not measured decide nothing; but one must have been. */
function check (summaries: ReadonlyMap<string, readonly Summary[]>, feeds: ReadonlyMap<string, readonly Found[]>): number {
  const verdicts = judge(summaries)
  if (summaries.size > 0) console.log(`\ntargets\n${verdicts.map(({ line }) => line).join('\n')}`)
  const all = [...verdicts, ...[...feeds.values()].flat()]
  return all.some(({ holds }) => holds === true) && all.every(({ holds }) => holds !== false) ? 0 : 1
}
