/** Plays a world: runs and clients do what the script says, and all that can be seen is held against the model. */
import type { Clock } from '../../lib/clock.ts'
import type { EventLog } from '../../lib/index.ts'
import { readRunsOptions } from '../../lib/runs/options.ts'
import { RunFamily } from '../../lib/runs/run-family.ts'
import { plainText } from '../../lib/wire/event.ts'
import { ManualClock } from '../clock.ts'
import { History } from '../contract/history.ts'
import { Storage, StoredLog } from '../contract/stored-reference.ts'
import { turn, until } from '../feed/open-stream.ts'
import { Script } from './family.ts'
import { Client } from './model-client.ts'
import { Model, type ModelRun } from './model.ts'
import { SLOTS, type Slot, type Step, type World } from './model-script.ts'

/** What a process has, and loses when it dies. */
class Process implements Clock {
  isDead = false
  readonly logs: StoredLog[] = []
  readonly #clock: ManualClock
  readonly #timers = new Set<() => void>()

  constructor (clock: ManualClock) {
    this.#clock = clock
  }

  now (): number { return this.#clock.now() }

  elapsed (): number { return this.#clock.elapsed() }

  after (delayMs: number, run: () => void): () => void {
    if (this.isDead) return () => {}
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      run()
    })
    this.#timers.add(cancel)
    return () => {
      this.#timers.delete(cancel)
      cancel()
    }
  }

  die (): void {
    this.isDead = true
    for (const log of this.logs) log.kill()
    for (const cancel of this.#timers) cancel()
  }
}

export class Game {
  readonly model: Model
  readonly clients: Client[]
  readonly #world: World
  readonly #clock = new ManualClock()
  readonly #scripts = new Map<Slot, Script>()
  readonly #storages = new Map<string, Storage>()
  #process: Process
  #runs: RunFamily
  readonly #wrongs: unknown[] = []

  constructor (world: World) {
    this.#world = world
    this.model = new Model(world)
    this.clients = world.clients.map((shape) => new Client(this.model, () => this.#clock.now(), shape))
    this.#process = new Process(this.#clock)
    this.#runs = this.#family(this.#process)
  }

  async play (): Promise<void> {
    try {
      for (const step of this.#world.steps) {
        await this.#do(step)
        if (this.#wrongs.length > 0) throw this.#wrongs[0]
        for (const client of this.clients) client.look()
        await this.#compare()
      }
      for (const { stream } of this.clients) stream?.resume()
      await until(() => {
        for (const client of this.clients) client.look()
        return this.clients.every(({ lacks }) => lacks.length === 0)
      }, () => `each client gets all: ${this.clients.map(({ lacks }) => lacks.join(', ')).join(' | ')}`)
      for (const client of this.clients) client.leave()
      await turn()
      const { streams } = this.#runs.stats()
      if (streams > 0) throw new Error(`${streams} streams are still there`)
    } finally {
      for (const client of this.clients) client.leave()
      await this.#runs.close()
    }
    if (this.#runs.stats().bytes !== 0 || this.#clock.timers > 0) throw new Error(`${this.#runs.stats().bytes} bytes and ${this.#clock.timers} timers are left`)
  }

  async #do (step: Step): Promise<void> {
    const now = this.#clock.now()
    if (step.does === 'start') return this.#start(step.slot)
    if (step.does === 'follow') return this.clients[step.client]?.follow(this.#runs)
    if ('client' in step) {
      const { stream } = this.clients[step.client] ?? {}
      if (step.does === 'leave') this.clients[step.client]?.leave()
      else if (step.does === 'stall') stream?.stall()
      else stream?.resume()
      return
    }
    if (step.does === 'turn') return await turn()
    if (step.does === 'pass') {
      this.#clock.advance(step.ms)
      return await turn()
    }
    if (step.does === 'die') return await this.#die()
    if (step.does === 'drain') return await this.#drain()
    const run = this.model.known(step.slot, now)
    if (step.does === 'stop') return await this.#stop(step.slot, run)
    const script = this.#scripts.get(step.slot)
    if (run?.state !== 'running' || script === undefined) return
    if (step.does === 'say') {
      for (let n = run.events + 1; n <= run.events + step.count; n++) script.say({ data: { slot: run.slot, round: run.round, n } })
      this.model.say(run, step.count, now)
    } else if (step.does === 'return') {
      script.end({ round: run.round })
      this.model.end(run, 'done', now, { value: { round: run.round } })
    } else {
      script.fail(Object.assign(new Error('it fails'), { code: 'OWN' }))
      this.model.end(run, 'failed', now, { code: 'OWN' })
    }
    await until(() => this.#runs.list().some(({ id, events, state }) => id === run.slot && events === run.events && state === run.state), `${run.slot} has ${run.events} events and is ${run.state}`)
  }

  async #start (slot: Slot): Promise<void> {
    const expected = this.model.start(slot, this.#clock.now())
    const script = new Script()
    try {
      this.#runs.start(script.source, { id: slot, tag: { slot } })
    } catch (error) {
      if (typeof expected !== 'string' || (error as { code?: string }).code !== expected) throw error
      return
    }
    if (typeof expected === 'string') throw new Error(`start(${slot}) was to fail with ${expected}`)
    this.#scripts.set(slot, script)
    for (const client of this.clients) client.started(slot)
    await until(() => script.told.length > 0, 'it begins')
  }

  async #stop (slot: Slot, run: ModelRun | undefined): Promise<void> {
    const now = this.#clock.now()
    try {
      const stopped = await this.#runs.stop(slot, 'user')
      if (run === undefined) throw new Error(`${slot} is not known, and was stopped`)
      if (run.state === 'running') {
        this.model.end(run, 'stopped', now, { reason: 'user', isTold: true })
        if (this.#scripts.get(slot)?.told.at(-1) !== 'finally') throw new Error(`${slot} is ${stopped.state} before its finally has run`)
      }
    } catch (error) {
      if (run !== undefined || (error as { code?: string }).code !== 'FST_EVENTFEED_UNKNOWN_RUN') throw error
    }
  }

  /** Where there are logs, the process dies. */
  async #die (): Promise<void> {
    if (!this.#world.hasLogs) return
    for (const client of this.clients) client.leave()
    this.#process.die()
    this.#process = new Process(this.#clock)
    this.#runs = this.#family(this.#process)
    this.model.die((slot) => this.#hasEnd(slot), this.#clock.now())
    // what still runs of it reaches nobody
    for (const script of this.#scripts.values()) script.end()
    this.#scripts.clear()
    await turn()
    // they are lost when somebody asks: here, at once
    for (const slot of SLOTS) await this.#runs.get(slot).catch(() => {})
  }

  /** True where the end of a run is in its log, or nothing of the run is. */
  #hasEnd (slot: Slot): boolean {
    const { entries = [] } = this.#storages.get(slot)?.history ?? {}
    const isEnd = ({ event, json }: { event: string, json: string }): boolean => event === 'stream:run' && 'end' in (JSON.parse(json) as object)
    return entries.length === 0 || entries.some(isEnd)
  }

  async #drain (): Promise<void> {
    const draining = this.#runs.drain(100, 100)
    this.#clock.advance(99)
    await turn()
    this.#clock.advance(1)
    for (const run of this.model.running) this.model.end(run, 'stopped', this.#clock.now(), { reason: 'drain', isDrained: true })
    await draining
  }

  /** Holds what the application sees against the model. */
  async #compare (): Promise<void> {
    const now = this.#clock.now()
    const known = SLOTS.flatMap((slot) => this.model.known(slot, now) ?? [])
    for (const slot of SLOTS) {
      const expected = this.model.known(slot, now)
      const run = await this.#runs.get(slot).catch((error: unknown) => error as { code?: string })
      if (expected === undefined) {
        if (!('code' in run) || run.code !== 'FST_EVENTFEED_UNKNOWN_RUN') throw new Error(`${slot} is not known any more, and was found`)
        continue
      }
      const { state, events, reason, code, value } = expected
      if (!('state' in run)) throw run
      const seen = { state: run.state, events: run.events, reason: run.reason, code: run.error?.code, value: run.value, tag: run.tag }
      const wanted = { state, events, reason, code, value, tag: { slot } }
      if (JSON.stringify(seen) !== JSON.stringify(wanted)) throw new Error(`${slot} is ${JSON.stringify(seen)}, not ${JSON.stringify(wanted)}`)
    }
    const { running, kept } = this.#runs.stats()
    if (running !== this.model.running.length || running + kept !== known.length) throw new Error(`${running} run and ${kept} are kept, not ${known.length} in all`)
  }

  #family (process: Process): RunFamily {
    const { hasLogs, retain, whenFull, maxRuns, keepMs } = this.#world
    const log = (id: string): EventLog => {
      const storage = this.#storages.get(id) ?? new Storage(new History({}, this.#clock), false)
      this.#storages.set(id, storage)
      const opened = new StoredLog(storage)
      process.logs.push(opened)
      return opened
    }
    return new RunFamily({
      name: 'model',
      settings: readRunsOptions({ keepMs, maxRuns, whenFull, ...retain === undefined ? {} : { retain: { entries: retain } }, ...hasLogs ? { log } : {} }),
      clock: process,
      codec: undefined,
      compile: () => plainText,
      report: (error, what) => {
        const { code } = error as { code?: string }
        if (code !== 'OWN' && code !== 'FST_EVENTFEED_RUN_FULL' && !process.isDead) this.#wrongs.push(new Error(what, { cause: error }))
      }
    })
  }
}
