/** Starts processes that have a log in SQLite, and talks to them. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** What a process prints: see log-process.mjs. */
export type Line = Readonly<Record<string, unknown>>

/** How a process is started. */
export interface Start {
  readonly file: string
  readonly synchronous?: 'FULL' | 'NORMAL'
  readonly env?: Record<string, string>
  /** A command, with arguments, that runs the one after it. */
  readonly within?: readonly string[]
}

const PROGRAM = fileURLToPath(new URL('log-process.mjs', import.meta.url))

/** A process with a log. */
export class LogProcess {
  /** All that it has printed. */
  readonly lines: Line[] = []
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #waiting = new Set<() => void>()

  constructor ({ file, synchronous = 'FULL', env = {}, within = [] }: Start) {
    const [command = '', ...args] = [...within, process.execPath, '--no-warnings', PROGRAM, file, synchronous]
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit', 'pipe', 'pipe'] })
    this.#closed = once(this.#child, 'close').then(() => {
      this.lines.push({ over: true })
      this.#look()
    })
    createInterface(this.#stream(1)).on('line', (line) => {
      this.lines.push(JSON.parse(line))
      this.#look()
    })
  }

  /** Tells it what to do. */
  send (command: Line): void {
    this.#writable(0).write(`${JSON.stringify(command)}\n`)
  }

  /** Tells it what to do, and waits until it prints a line with this property, or has ended. */
  async ask (command: Line, property: string): Promise<Line> {
    const from = this.lines.length
    this.send(command)
    return await this.until((line) => property in line || 'over' in line, from)
  }

  /** Waits for a line. */
  async until (isIt: (line: Line) => boolean, from = 0): Promise<Line> {
    for (;;) {
      const line = this.lines.slice(from).find(isIt)
      if (line !== undefined) return line
      await new Promise<void>((resolve) => { this.#waiting.add(resolve) })
    }
  }

  /** What it has written to a descriptor of its own, as it comes. */
  onByte (run: () => void): void {
    this.#stream(3).on('data', (bytes: Buffer) => { for (let count = 0; count < bytes.length; count++) run() })
  }

  /** Gives it a byte to read. */
  give (byte: '0' | '1'): void {
    this.#writable(4).write(byte)
  }

  /** Lets it end by itself. Gives its exit code. */
  async end (): Promise<number | null> {
    this.#writable(0).end()
    await this.#closed
    return this.#child.exitCode
  }

  /** Kills it, where it lives. */
  async kill (): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }

  #look (): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const resolve of waiting) resolve()
  }

  #stream (index: number): Readable {
    const stream = this.#child.stdio[index]
    if (!(stream instanceof Readable)) throw new Error(`the descriptor ${index} cannot be read`)
    return stream
  }

  #writable (index: number): Writable {
    const stream = this.#child.stdio[index]
    if (!(stream instanceof Writable)) throw new Error(`the descriptor ${index} cannot be written to`)
    return stream
  }
}

/** Compiles what plays a disk. Gives the path of the library. */
export function compileDisk (folder: string): string {
  const library = `${folder}/hold-sync.so`
  const source = fileURLToPath(new URL('hold-sync.c', import.meta.url))
  const { status, stderr, error } = spawnSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`cc failed: ${error?.message ?? stderr}`)
  return library
}
