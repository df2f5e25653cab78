/** Which servers there are, which workloads each can play, and how one is started. */
import { missingNchan, startNchan } from './nchan.ts'
import { cpuMicroseconds, residentBytes } from './proc.ts'
import { Program } from './program.ts'
import type { WorkloadName } from './workloads.ts'
import type { Workshop } from './workshop.ts'

/** A server that runs. */
export interface BenchServer {
  readonly port: number
  /** Publishes `count` events in one tick, with data of `bytes` bytes each, to all who are connected to `/feed`. */
  publish (count: number, bytes: number): void
  /** Publishes `count` events, each in a tick of its own, and waits until that is done. Only servers with a feed do it. */
  publishEach?(count: number): Promise<void>
  /** Collects its garbage, where it has any. */
  collect (): Promise<void>
  /** What it has used so far, user and system. */
  cpuMicroseconds (): number
  residentBytes (): number
  stop (): Promise<void>
}

export interface ServerSetting {
  /** `undefined`: what the library does by itself. */
  readonly heartbeatMs: number | undefined
}

export interface ServerKind {
  readonly name: string
  /** How it is called in tables. */
  readonly title: string
  readonly workloads: readonly WorkloadName[]
  /** Measured only with `--all`, or by its name. */
  readonly isExtra: boolean
  /** Why it can not be measured here. */
  missing (workshop: Workshop): string | undefined
  start (workshop: Workshop, setting: ServerSetting): Promise<BenchServer>
}

/** Ours, to which all others are compared. */
export const OURS = 'eventfeed'
/** Ours as it was: another checkout. */
export const BEFORE = 'before'

const GENERATORS: readonly WorkloadName[] = ['generator', 'generator-objects', 'generator-small-objects']
const PLAIN: readonly WorkloadName[] = [...GENERATORS, 'lone', 'burst', 'generators', 'idle', 'stalled']
const WITH_HEARTBEATS: readonly WorkloadName[] = [...PLAIN, 'heartbeats']
/** Those in which streams are opened and left. */
export const CONNECTS: readonly WorkloadName[] = ['connect', 'connect-query', 'connect-beside', 'connect-query-beside']
const ALL: readonly WorkloadName[] = [...WITH_HEARTBEATS, ...CONNECTS, 'publish']

/** All servers, in the order of the tables. */
export const SERVERS: readonly ServerKind[] = [
  inNode({ name: OURS, title: 'fastify-eventfeed', workloads: ALL }),
  {
    ...inNode({ name: BEFORE, title: 'the version before', workloads: ALL, script: 'before/servers/eventfeed' }, true),
    missing: (workshop) => workshop.hasBefore ? undefined : '--before does not say where it is'
  },
  inNode({ name: 'fastify-sse', title: '@fastify/sse', workloads: [...WITH_HEARTBEATS, ...CONNECTS] }),
  inNode({ name: 'fastify-sse-v2', title: 'fastify-sse-v2', workloads: PLAIN }),
  inNode({ name: 'better-sse', title: 'better-sse', workloads: WITH_HEARTBEATS }),
  inNode({ name: 'node-http', title: 'bare node:http', workloads: WITH_HEARTBEATS }),
  inNode({ name: 'socket-write', title: 'bare socket.write()', workloads: ['lone', 'heartbeats'] }, true),
  inNode({ name: 'bare-loop', title: 'bare loop, 16 KiB a write', workloads: GENERATORS }),
  inNode({ name: 'bare-log', title: 'bare JSON, kept', workloads: ['publish'] }),
  inNode({ name: 'hijack', title: 'bare hijacked reply', workloads: ['idle', ...CONNECTS] }),
  {
    name: 'c-floor',
    title: 'C, one write() each',
    workloads: ['lone', 'burst'],
    isExtra: true,
    missing: (workshop) => workshop.compilesC ? undefined : 'there is no C compiler',
    start: (workshop) => talking(new Program({ name: 'c-floor', command: workshop.program('servers/c-floor'), args: [] }))
  },
  { name: 'nchan', title: 'nchan (nginx)', workloads: ['lone', 'burst', 'heartbeats', 'idle'], isExtra: true, missing: missingNchan, start: startNchan }
]

interface NodeServer extends Pick<ServerKind, 'name' | 'title' | 'workloads'> {
  /** Where it is in the workshop. Default: `servers/`, by its name. */
  readonly script?: string
}

function inNode ({ script, ...kind }: NodeServer, isExtra = false): ServerKind {
  return {
    ...kind,
    isExtra,
    missing: () => undefined,
    start: (workshop, { heartbeatMs }) => talking(new Program({
      name: kind.name,
      command: process.execPath,
      // whatever loads TypeScript for the bench itself is not to stand in the measured process
      env: { NODE_ENV: 'production', NODE_OPTIONS: '', ...(heartbeatMs === undefined ? {} : { BENCH_HEARTBEAT_MS: String(heartbeatMs) }) },
      args: ['--expose-gc', workshop.script(script ?? `servers/${kind.name}`)]
    }))
  }
}

/** A server that obeys the commands of `servers/control.ts`. */
async function talking (program: Program): Promise<BenchServer> {
  const [port] = await program.hear('listening')
  return {
    port: Number(port),
    publish: (count, bytes) => { program.say(`publish ${count} ${bytes}`) },
    publishEach: async (count) => {
      program.say(`each ${count}`)
      await program.hear('each')
    },
    collect: async () => {
      program.say('collect')
      await program.hear('collected')
    },
    cpuMicroseconds: () => cpuMicroseconds(program.pid),
    residentBytes: () => residentBytes(program.pid),
    stop: () => program.stop()
  }
}
