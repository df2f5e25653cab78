/** The command line of the bench. */
import { parseArgs } from 'node:util'
import { FEED_WORKLOADS, type FeedWorkload } from './feeds/workloads.ts'
import { BEFORE, SERVERS, type ServerKind } from './servers.ts'
import { WORKLOADS, type Workload } from './workloads.ts'

export interface BenchOptions {
  readonly rounds: number
  /** `undefined`: each workload's own. */
  readonly connections: number | undefined
  readonly workloads: readonly Workload[]
  /** Those of feeds, which only ours plays. */
  readonly feeds: readonly FeedWorkload[]
  readonly servers: readonly ServerKind[]
  readonly isQuick: boolean
  readonly usesNodeClient: boolean
  /** The folder of another checkout of this package, built, to compare with. */
  readonly before: string | undefined
  /** Compare with the targets, and exit 1 where one is missed. */
  readonly checks: boolean
  /** A file for all figures. */
  readonly json: string | undefined
}

/** What is wrong with the command line. */
export class UsageError extends Error {}

export const USAGE = `npm run bench -- [options]

  --rounds <n>         rounds, each on fresh processes and in another order (5)
  --connections <n>    connections, in place of each workload's own number
  --workloads <a,b>    only these: ${WORKLOADS.map(({ name }) => name).join(', ')}
                       or of feeds, ours alone: ${FEED_WORKLOADS.map(({ name }) => name).join(', ')}
  --feeds              all workloads of feeds, and no others
  --servers <a,b>      only these: ${SERVERS.map(({ name }) => name).join(', ')}
  --all                the servers too that are not written in JavaScript
  --before <folder>    one more server: this package as another checkout has built it
  --quick              less of everything, one round: to see that it works
  --check              exit with 1 unless the targets hold
  --json <file>        write all figures to a file
  --node-client        use the load client in Node even where there is a C compiler
  --help               show this`

/**
 * Reads the command line; `undefined` where it asks for help.
 *
 * @throws UsageError
 */
export function readOptions (args: readonly string[]): BenchOptions | undefined {
  const values = parse(args)
  if (values.help === true) return undefined
  const isQuick = values.quick === true
  const named = chosen<Workload | FeedWorkload>('workloads', [...WORKLOADS, ...FEED_WORKLOADS], values.workloads)
  const servers = chosen('servers', SERVERS, values.servers)
  return {
    rounds: countOf('rounds', values.rounds) ?? (isQuick ? 1 : 5),
    connections: countOf('connections', values.connections),
    workloads: named === undefined ? (values.feeds === true ? [] : WORKLOADS) : WORKLOADS.filter((workload) => named.includes(workload)),
    feeds: named === undefined ? (values.feeds === true ? FEED_WORKLOADS : []) : FEED_WORKLOADS.filter((workload) => named.includes(workload)),
    servers: SERVERS.filter((server) => {
      if (server.name === BEFORE && values.before !== undefined) return true
      return servers?.includes(server) ?? (values.all === true || !server.isExtra)
    }),
    before: values.before,
    isQuick,
    usesNodeClient: values['node-client'] === true,
    checks: values.check === true,
    json: values.json
  }
}

function parse (args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string' },
        connections: { type: 'string' },
        workloads: { type: 'string' },
        feeds: { type: 'boolean' },
        servers: { type: 'string' },
        all: { type: 'boolean' },
        before: { type: 'string' },
        quick: { type: 'boolean' },
        check: { type: 'boolean' },
        json: { type: 'string' },
        'node-client': { type: 'boolean' },
        help: { type: 'boolean' }
      }
    }).values
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function countOf (option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new UsageError(`--${option} takes a whole number from 1, not "${text}"`)
  return Number(text)
}

function chosen<Named extends { readonly name: string }> (option: string, all: readonly Named[], text: string | undefined): Named[] | undefined {
  if (text === undefined) return undefined
  const names = text.split(',')
  const unknown = names.find((name) => all.every((named) => named.name !== name))
  if (unknown !== undefined) throw new UsageError(`--${option} does not know "${unknown}"; there are: ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => names.includes(name))
}
