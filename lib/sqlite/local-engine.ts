/** A store on the thread of the application, whose handle it uses. */
import { LogUnusable } from '../errors.ts'
import type { SqliteDatabase } from './driver.ts'
import { Broken, failureOf } from './failures.ts'
import { openHandle, type OpenStore, type Settings } from './file.ts'
import type { Done, Engine, Operation, Operations, Performer } from './operations.ts'

/** The engine of a handle. It answers before `ask` returns. */
export class LocalEngine implements Engine {
  readonly #performer: Performer
  readonly #onLost: () => void
  #opened: OpenStore | undefined
  /** Why there is no store. */
  #failure: Error = new LogUnusable('the database of feeds is not open')

  /** `onLost` is called where the tables must be read again, because nobody can say what was written. */
  constructor (database: SqliteDatabase, settings: Settings, onLost: () => void) {
    this.#onLost = onLost
    const store = (): OpenStore['store'] => this.#store()
    this.#performer = {
      start: () => {
        this.#opened = this.#open(database, settings)
        return null
      },
      open: (ask) => store().open(ask),
      write: (ask) => store().write(ask),
      locate: (ask) => store().locate(ask),
      earliest: (ask) => store().earliest(ask),
      page: (ask) => store().page(ask),
      newest: (ask) => store().newest(ask),
      release: (ask) => store().release(ask),
      close: (ask) => store().close(ask),
      delete: (ask) => store().delete(ask),
      names: () => store().names(),
      sweep: (ask) => store().sweep(ask)
    }
  }

  ask<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask'], done: Done<Kind>): void {
    const outcome = this.#perform(kind, ask)
    if (!('error' in outcome)) return done(undefined, outcome.answer)
    const { error } = outcome
    done(error instanceof Broken ? error.told : error, undefined)
    if (error instanceof Broken) {
      this.#close()
      this.#onLost()
    }
  }

  async stop (): Promise<void> {
    this.#close()
  }

  #perform<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask']): { answer: Operations[Kind]['answer'] } | { error: Error } {
    try {
      const perform: Performer[Kind] = this.#performer[kind]
      return { answer: perform(ask) }
    } catch (error) {
      return { error: failureOf(error, this.#opened?.subject ?? 'the database of feeds') }
    }
  }

  #store (): OpenStore['store'] {
    if (this.#opened === undefined) throw this.#failure
    return this.#opened.store
  }

  #open (database: SqliteDatabase, settings: Settings): OpenStore {
    try {
      return openHandle(database, settings)
    } catch (error) {
      this.#failure = failureOf(error, 'the database of feeds')
      throw this.#failure
    }
  }

  #close (): void {
    try {
      this.#opened?.close()
    } catch { /* it is the lock alone, and the operating system ends it with the process */ }
    this.#opened = undefined
  }
}
