/** Many clients that only count: the load client, in C or in Node, as the bench talks to it. */
import { readFileSync } from 'node:fs'
import { Program } from './program.ts'
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

/** Streams that are left when their first event has come. */
export interface Visits { readonly count: number, readonly atOnce: number, readonly path: string }

/** How late events came, in microseconds. */
export interface Delays { readonly count: number, readonly p50: number, readonly p99: number, readonly most: number }

/** Descriptors that a process needs beside its connections. */
const OTHER_DESCRIPTORS = 100

/** A load client that runs. */
export class Crowd {
  readonly #client: Program
  #readers = 0

  constructor ({ workshop, usesNodeClient, port }: { workshop: Workshop, usesNodeClient: boolean, port: number }) {
    const [command, ...args] = usesNodeClient ? [process.execPath, workshop.script('load-client')] : [workshop.program('load-client')]
    this.#client = new Program({ name: 'load client', command, args: [...args, String(port)], env: { NODE_OPTIONS: '' } })
  }

  /** How many connections are open and read. */
  get readers (): number { return this.#readers }

  /** Counts these bytes in place of the marker of events. */
  countInstead (bytes: string): void {
    this.#client.say(`marker ${Buffer.from(bytes).toString('hex')}`)
  }

  /** Takes the time that stands behind each marker. The client in Node can not. */
  readStamps (): void {
    this.#client.say('stamps')
  }

  /** Opens streams, and waits for their heads. The last `stalled` of them are never read. */
  async open (count: number, path: string, stalled = 0): Promise<void> {
    checkDescriptors(this.#readers + count)
    this.#client.say(`open ${count} ${stalled} ${path}`)
    await this.#client.hear('opened')
    this.#readers += count - stalled
  }

  /**
   * Opens `count` streams, at most `atOnce` at a time, and leaves each when its first marker has come. No other count
   * includes them.
   *
   * @returns the bytes of their bodies
   */
  async visit ({ count, atOnce, path }: Visits): Promise<number> {
    checkDescriptors(this.#readers + atOnce)
    this.#client.say(`visit ${count} ${atOnce} ${path}`)
    return Number((await this.#client.hear('visited'))[0])
  }

  /** So many more events are due. To be said before they are published. */
  expect (count: number): void {
    this.#client.say(`expect ${count}`)
  }

  /** Waits until all that was expected has come. */
  async reached (): Promise<void> {
    await this.#client.hear('reached')
  }

  async counts (): Promise<Counts> {
    this.#client.say('counts')
    const [events = 0, least = 0, most = 0, bytes = 0, closed = 0] = (await this.#client.hear('counts')).map(Number)
    return { events, least, most, bytes, closed }
  }

  /** How late events were since the last time that this was asked. */
  async delays (): Promise<Delays> {
    this.#client.say('delays')
    const [count = 0, p50 = 0, p99 = 0, most = 0] = (await this.#client.hear('delays')).map(Number)
    return { count, p50, p99, most }
  }

  stop (): Promise<void> {
    return this.#client.stop()
  }
}

/** @throws where the system allows a process fewer open files than the connections need */
export function checkDescriptors (connections: number): void {
  const most = /^Max open files\s+\S+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  if (most === undefined || Number(most) >= connections + OTHER_DESCRIPTORS) return
  throw new Error(`${connections} connections need more open files than the ${most} that "ulimit -Hn" allows; raise that, or give fewer --connections`)
}
