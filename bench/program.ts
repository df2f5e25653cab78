/**
 * A process that the bench starts: it is told lines on its standard input and answers in lines on its standard output. None
 * outlives the bench: all are killed when it ends, for whatever reason.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ProgramOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Added to the bench's own environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** A workload's longest step takes seconds; after a minute of silence something hangs. */
const ANSWER_WITHIN_MS = 60_000
const STOP_WITHIN_MS = 2_000
/** What is kept of the standard error, for the message when it fails. */
const KEPT_ERROR_CHARACTERS = 2_000

const running = new Set<ChildProcessWithoutNullStreams>()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })
process.on('SIGINT', () => { process.exit(130) })
process.on('SIGTERM', () => { process.exit(143) })

/** A running program. */
export class Program {
  readonly #name: string
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: string[] = []
  #errors = ''
  #hasClosed = false
  #changed: () => void = () => {}

  constructor ({ name, command, args, env }: ProgramOptions) {
    this.#name = name
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' })
    running.add(this.#child)
    createInterface({ input: this.#child.stdout }).on('line', (line) => { this.#lines.push(line); this.#changed() })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => { this.#errors = (this.#errors + text).slice(-KEPT_ERROR_CHARACTERS) })
    // a program that has died can not be told anything; that it died is seen by `hear`
    this.#child.stdin.on('error', () => {})
    this.#child.on('error', (error) => { this.#errors += error.message; this.#close() })
    this.#child.on('close', () => { this.#close() })
  }

  /** @throws where it could not be started */
  get pid (): number {
    if (this.#child.pid === undefined) throw this.#failure('was not started')
    return this.#child.pid
  }

  /** Tells it a line. */
  say (line: string): void {
    this.#child.stdin.write(`${line}\n`)
  }

  /** Waits for its next line, which begins with `word`, and gives the other words. Rejects when it answers otherwise, not in time, or has ended. */
  async hear (word: string): Promise<string[]> {
    const line = await this.#next()
    const [first, ...words] = line.split(' ')
    if (first !== word) throw this.#failure(`said "${line}" in place of "${word}"`)
    return words
  }

  /** Ends it: kindly by the end of its input and a signal, then by force. */
  async stop (): Promise<void> {
    if (this.#hasClosed) return
    const force = setTimeout(() => { this.#child.kill('SIGKILL') }, STOP_WITHIN_MS)
    const closed = once(this.#child, 'close')
    this.#child.stdin.end()
    this.#child.kill('SIGTERM')
    await closed
    clearTimeout(force)
  }

  async #next (): Promise<string> {
    const until = Date.now() + ANSWER_WITHIN_MS
    while (this.#lines.length === 0) {
      if (this.#hasClosed) throw this.#failure('has ended')
      if (Date.now() >= until) throw this.#failure(`has not answered for ${ANSWER_WITHIN_MS / 1000} s`)
      await this.#change(until - Date.now())
    }
    return this.#lines.shift() ?? ''
  }

  #change (withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs)
      this.#changed = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #close (): void {
    running.delete(this.#child)
    this.#hasClosed = true
    this.#changed()
  }

  #failure (what: string): Error {
    const errors = this.#errors.trim()
    return new Error(`${this.#name} ${what}${errors === '' ? '' : `:\n${errors}`}`)
  }
}
