/** One server and one load client, each in a process of its own, for one measurement. */
import { Crowd, type Counts, type Visits } from './crowd.ts'
import type { BenchServer, ServerKind, ServerSetting } from './servers.ts'
import { ORDINARY_BYTES } from './servers/event.ts'
import type { Workshop } from './workshop.ts'

export interface TrialOptions extends ServerSetting {
  readonly kind: ServerKind
  readonly workshop: Workshop
  readonly usesNodeClient: boolean
}

export class Trial {
  readonly server: BenchServer
  readonly #crowd: Crowd

  private constructor (server: BenchServer, crowd: Crowd) {
    this.server = server
    this.#crowd = crowd
  }

  /** Runs `measure` on a fresh server and a fresh client, and stops both. */
  static async run<Result> ({ kind, workshop, usesNodeClient, heartbeatMs }: TrialOptions, measure: (trial: Trial) => Promise<Result>): Promise<Result> {
    const server = await kind.start(workshop, { heartbeatMs })
    const crowd = new Crowd({ workshop, usesNodeClient, port: server.port })
    try {
      return await measure(new Trial(server, crowd))
    } catch (cause) {
      throw new Error(`${kind.title}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    } finally {
      // the server first: the side that closes first keeps the port for a while
      await server.stop()
      await crowd.stop()
    }
  }

  /** Counts these bytes in place of the marker of events. */
  countInstead (bytes: string): void {
    this.#crowd.countInstead(bytes)
  }

  /** Opens streams, and waits for their heads. The last `stalled` of them are never read. */
  open (count: number, path: string, stalled = 0): Promise<void> {
    return this.#crowd.open(count, path, stalled)
  }

  /** Opens one stream that sends `count` events by itself, and waits until they have come. */
  async stream (path: string, count: number): Promise<void> {
    this.#crowd.expect(count)
    await this.#crowd.open(1, path)
    await this.#crowd.reached()
  }

  /** Publishes `count` events in one tick, and waits until all who read have them. */
  async deliver (count: number, bytes = ORDINARY_BYTES): Promise<void> {
    this.#crowd.expect(count * this.#crowd.readers)
    this.server.publish(count, bytes)
    await this.#crowd.reached()
  }

  /** Opens streams and leaves each when its first marker has come. Returns the bytes of their bodies. */
  visit (visits: Visits): Promise<number> {
    return this.#crowd.visit(visits)
  }

  counts (): Promise<Counts> {
    return this.#crowd.counts()
  }
}
