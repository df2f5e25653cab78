/**
 * A store in a worker thread, as the main thread sees it: so a slow disk never stalls the event loop. It keeps the
 * process alive only while it owes an answer.
 */
import { extname } from 'node:path'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import { SQLITE_ANSWER_MS } from '../defaults.ts'
import { LogUnavailable } from '../errors.ts'
import { unpacked } from './failures.ts'
import { subjectOf } from './file.ts'
import { claimInProcess } from './lock.ts'
import type { Question, Reply, WorkerData } from './messages.ts'
import type { Done, Engine, Operation, Operations } from './operations.ts'

/** Beside this file; in a checkout as it is built, because few loaders of TypeScript reach worker threads. */
const WORKER = new URL(extname(import.meta.url) === '.ts' ? '../../dist/sqlite/worker.js' : './worker.js', import.meta.url)
/** Options of Node's that load modules of the application, or say what to run in place of a file. */
const NOT_FOR_WORKERS = ['--import', '--require', '-r', '--loader', '--experimental-loader', '--input-type', '--eval', '-e', '--print', '-p']

/** The engine of a file. */
export class WorkerEngine implements Engine {
  readonly #worker: Worker
  readonly #subject: string
  readonly #clock: Clock
  readonly #onLost: () => void
  readonly #exited: Promise<void>
  readonly #endClaim: () => void
  /** The questions without an answer, in their order. */
  readonly #waiting = new Map<number, Done<Operation>>()
  #asked = 0
  #isLost = false
  #stopWatch: (() => void) | undefined

  /**
   * `onLost` is called once, after all questions have failed, where the worker has died or its file must be opened
   * again.
   */
  constructor (data: WorkerData, clock: Clock, onLost: () => void) {
    this.#subject = subjectOf(data.file)
    this.#clock = clock
    this.#onLost = onLost
    this.#endClaim = claimInProcess(data.file, this.#subject)
    this.#worker = startWorker(this.#endClaim, { workerData: data, name: 'fastify-eventfeed/sqlite', execArgv: argumentsOf(process.execArgv) })
    this.#worker.on('message', (reply: Reply) => { this.#take(reply) })
    this.#worker.on('error', (error) => { this.#lose(`its worker thread failed (${error.message})`, error) })
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#lose('its worker thread has ended')
        this.#failAll('its worker thread has ended')
        this.#endClaim()
        resolve()
      })
    })
    this.#worker.unref()
  }

  ask<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask'], done: Done<Kind>): void {
    if (this.#isLost) return done(this.#unavailable('its worker thread has ended'), undefined)
    const id = this.#asked++
    if (this.#waiting.size === 0) {
      this.#worker.ref()
      this.#watch()
    }
    // what the worker answers to a question has the type that the question's operation has
    this.#waiting.set(id, done as Done<Operation>)
    this.#worker.postMessage({ id, kind, ask } satisfies Question)
  }

  async stop (): Promise<void> {
    this.#isLost = true
    this.#stopWatch?.()
    this.#worker.ref()
    this.#end()
    await this.#exited
  }

  /** Lets the worker close the file. Where it hangs it is cut off, as soon as the system lets go of it. */
  #end (): void {
    this.#worker.postMessage({ kind: 'stop' } satisfies Question)
    const stopTimer = this.#clock.after(SQLITE_ANSWER_MS, () => { this.#worker.terminate().catch(() => {}) })
    this.#exited.then(stopTimer, stopTimer)
  }

  #take ({ id, answer, failure }: Reply): void {
    const done = this.#waiting.get(id)
    if (done === undefined) return
    this.#waiting.delete(id)
    this.#stopWatch?.()
    if (this.#isLost) { /* being stopped: its end is awaited */ } else if (this.#waiting.size === 0) this.#worker.unref()
    else this.#watch()
    if (failure === undefined) return done(undefined, answer as Operations[Operation]['answer'])
    done(unpacked(failure), undefined)
    if (failure.isBroken) this.#lose(failure.message)
  }

  /** A disk that does not answer must not keep anybody waiting for ever. */
  #watch (): void {
    this.#stopWatch = this.#clock.after(SQLITE_ANSWER_MS, () => { this.#lose(`it has not answered for ${SQLITE_ANSWER_MS} ms`) })
  }

  /** Fails what waits. What was being written then may have been written or not. */
  #lose (reason: string, cause?: Error): void {
    if (this.#isLost) return
    this.#isLost = true
    this.#stopWatch?.()
    this.#worker.unref()
    this.#end()
    this.#failAll(reason, cause)
    this.#onLost()
  }

  #failAll (reason: string, cause?: Error): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const done of waiting) done(this.#unavailable(reason, cause), undefined)
  }

  #unavailable (reason: string, cause?: Error): Error {
    return new LogUnavailable(`${this.#subject} cannot be used now: ${reason}`, { cause })
  }
}

function startWorker (endClaim: () => void, options: WorkerOptions): Worker {
  try {
    return new Worker(WORKER, options)
  } catch (error) {
    endClaim()
    throw error
  }
}

/** Nothing of the application runs in the worker, so nothing of it is loaded there, which would take its time. */
function argumentsOf (given: readonly string[]): string[] {
  return given.filter((argument, index) => {
    return !NOT_FOR_WORKERS.includes(argument.split('=')[0] ?? '') && !NOT_FOR_WORKERS.includes(given[index - 1] ?? '')
  })
}
