/**
 * Clients in a process of their own, on a Node that they support: many of them need a newer one than this project. One
 * process hosts all clients of a module of drivers, so that it starts once.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { nodeBinary } from '../versions/node-binary.ts'
import { CLIENTS, needClients, skipWithoutClients } from './installed.ts'
import type { Client, OpenClient, Session, Task, Told } from './session.ts'

/** The versions of Node that clients run on. The last one is that of all clients which do not say otherwise. */
export const NODE_VERSIONS = ['22', '24'] as const

export type NodeVersion = typeof NODE_VERSIONS[number]

/** What the process says: of one of its streams, or of an error that no client has caught. */
type FromHost =
  | { readonly stream: number, readonly told: Told }
  | { readonly stray: string }

interface HostOptions { readonly node?: NodeVersion, readonly env?: () => Record<string, string>, readonly need?: () => void }

/** A process of clients. Starts with the first client that is opened. */
export class Host {
  readonly #drivers: string
  readonly #node: NodeVersion
  readonly #env: () => Record<string, string>
  readonly #need: () => void
  readonly #sessions = new Map<number, Session>()
  #process: Promise<ChildProcess> | undefined
  #next = 1
  /** Errors that no client has caught: in the process of a user each would be a crash. */
  readonly strays: string[] = []

  /**
   * `drivers`: a module that exports `drivers`, functions by the names of clients; a path from the folder of the clients.
   * `env`: variables of its environment. `need` throws where what the module imports is missing.
   */
  constructor (drivers: string, { node = '24', env = () => ({}), need = needClients }: HostOptions = {}) {
    this.#drivers = drivers
    this.#node = node
    this.#env = env
    this.#need = need
  }

  /** A client of this process. */
  client (name: string, { driver = name, skip = skipWithoutClients }: { driver?: string, skip?: string | false } = {}): Client {
    return { name, skip, open: (task, session) => this.#open(driver, task, session) }
  }

  /** Ends the process. */
  async close (): Promise<void> {
    // where it could not start, its clients have failed with the reason
    const process = await this.#process?.catch(() => undefined)
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
    const exited = once(process, 'exit')
    process.send({ exit: true })
    await exited
  }

  async #open (driver: string, task: Task, session: Session): Promise<OpenClient> {
    this.#process ??= this.#start()
    const process = await this.#process
    const stream = this.#next++
    this.#sessions.set(stream, session)
    process.send({ stream, open: driver, task })
    return {
      close: async () => {
        this.#sessions.delete(stream)
        if (process.connected) process.send({ stream, close: true })
      }
    }
  }

  async #start (): Promise<ChildProcess> {
    this.#need()
    const { folder } = await nodeBinary(this.#node)
    const process = fork(join(CLIENTS, 'host.mjs'), [join(CLIENTS, this.#drivers)], {
      execPath: join(folder, 'node'), execArgv: ['--experimental-eventsource', '--no-warnings'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env: { ...globalThis.process.env, ...this.#env() }
    })
    // what it sends is written by our own script
    process.on('message', (message) => this.#hear(message as FromHost))
    process.once('exit', (code) => {
      for (const session of this.#sessions.values()) session.tell({ kind: 'failed', message: `the process of the clients has ended with ${code}` })
    })
    return process
  }

  #hear (message: FromHost): void {
    if ('stray' in message) this.strays.push(message.stray)
    else this.#sessions.get(message.stream)?.tell(message.told)
  }
}
