/** One server and one load client, each in a process of its own, for one measurement. */
import { readFileSync } from 'node:fs'
import { Program } from './program.ts'
import type { BenchServer, ServerKind, ServerSetting } from './servers.ts'
import { ORDINARY_BYTES } from './servers/event.ts'
import type { Workshop } from './workshop.ts'

/** What the load client has counted, on all connections but the stalled ones. */
export interface Counts {
  readonly events: number
  /** ... of the connection that got the fewest. */
  readonly least: number
  /** ... of the connection that got the most. */
  readonly most: number
  /** Bytes of bodies, with their chunks' frames. */
  readonly bytes: number
  /** Connections that the server has closed. */
  readonly closed: number
}

export interface TrialOptions extends ServerSetting {
  readonly kind: ServerKind
  readonly workshop: Workshop
  readonly usesNodeClient: boolean
}

/** Descriptors that a process needs beside its connections. */
const OTHER_DESCRIPTORS = 100

export class Trial {
  readonly server: BenchServer
  readonly #client: Program
  #readers = 0

  private constructor (server: BenchServer, client: Program) {
    this.server = server
    this.#client = client
  }

  /** Runs `measure` on a fresh server and a fresh client, and stops both. */
  static async run<Result> ({ kind, workshop, usesNodeClient, heartbeatMs }: TrialOptions, measure: (trial: Trial) => Promise<Result>): Promise<Result> {
    const server = await kind.start(workshop, { heartbeatMs })
    const client = startClient(workshop, usesNodeClient, server.port)
    try {
      return await measure(new Trial(server, client))
    } catch (cause) {
      throw new Error(`${kind.title}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    } finally {
      // the server first: the side that closes first keeps the port for a while
      await server.stop()
      await client.stop()
    }
  }

  /** Counts these bytes in place of the marker of events. */
  countInstead (bytes: string): void {
    this.#client.say(`marker ${Buffer.from(bytes).toString('hex')}`)
  }

  /** Opens streams, and waits for their heads. The last `stalled` of them are never read. */
  async open (count: number, path: string, stalled = 0): Promise<void> {
    checkDescriptors(count)
    this.#client.say(`open ${count} ${stalled} ${path}`)
    await this.#client.hear('opened')
    this.#readers += count - stalled
  }

  /** Opens one stream that sends `count` events by itself, and waits until they have come. */
  async stream (path: string, count: number): Promise<void> {
    this.#client.say(`expect ${count}`)
    await this.open(1, path)
    await this.#client.hear('reached')
  }

  /** Publishes `count` events in one tick, and waits until all who read have them. */
  async deliver (count: number, bytes = ORDINARY_BYTES): Promise<void> {
    this.#client.say(`expect ${count * this.#readers}`)
    this.server.publish(count, bytes)
    await this.#client.hear('reached')
  }

  async counts (): Promise<Counts> {
    this.#client.say('counts')
    const [events = 0, least = 0, most = 0, bytes = 0, closed = 0] = (await this.#client.hear('counts')).map(Number)
    return { events, least, most, bytes, closed }
  }
}

function startClient (workshop: Workshop, usesNodeClient: boolean, port: number): Program {
  const [command, ...args] = usesNodeClient ? [process.execPath, workshop.script('load-client')] : [workshop.program('load-client')]
  return new Program({ name: 'load client', command, args: [...args, String(port)], env: { NODE_OPTIONS: '' } })
}

/** @throws where the system allows a process fewer open files than the connections need */
function checkDescriptors (connections: number): void {
  const most = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  if (most === undefined || Number(most) >= connections + OTHER_DESCRIPTORS) return
  throw new Error(`${connections} connections need more open files than the ${most} that "ulimit -Hn" allows; raise that, or give fewer --connections`)
}
