/** One server of feeds and its clients, each in a process of its own, for one round of one workload. */
import { Crowd } from '../crowd.ts'
import { cpuMicroseconds, peakResidentBytes, residentBytes } from '../proc.ts'
import { Program } from '../program.ts'
import type { Workshop } from '../workshop.ts'

/** How much of a workload there is. */
export interface Effort {
  readonly connections: number
  /** Less of everything: to see that it works. */
  readonly isQuick: boolean
}

export interface StageOptions {
  readonly workshop: Workshop
  readonly usesNodeClient: boolean
}

/** What a server says of its memory, in bytes. */
export interface Memory {
  readonly resident: number
  /** The heap, and what stands outside of it: buffers. */
  readonly heap: number
}

/** Starts what a workload asks for, and stops it when the round is over. */
export class Stage {
  readonly #options: StageOptions
  readonly #stops: Array<() => Promise<void>> = []

  constructor (options: StageOptions) {
    this.#options = options
  }

  /** Runs `play`, and stops all that it has started. */
  static async run<Result> (options: StageOptions, play: (stage: Stage) => Promise<Result>): Promise<Result> {
    const stage = new Stage(options)
    try {
      return await play(stage)
    } finally {
      await stage.clear()
    }
  }

  /** Stops all that was started: servers first, because the side that closes first keeps the port for a while. */
  async clear (): Promise<void> {
    for (const stop of this.#stops.splice(0)) await stop()
  }

  /** Starts a server: a file of `servers/feeds/`. It finds `setting` as JSON in `BENCH_SETTING`. */
  async serve (name: string, setting: object = {}): Promise<FeedServer> {
    const program = new Program({
      name,
      command: process.execPath,
      args: ['--expose-gc', this.#options.workshop.script(`servers/feeds/${name}`)],
      env: { NODE_ENV: 'production', NODE_OPTIONS: '', BENCH_SETTING: JSON.stringify(setting) }
    })
    this.#stops.push(() => program.stop())
    return new FeedServer(program, Number((await program.hear('listening'))[0]))
  }

  /** Starts a load client. */
  crowd ({ port }: FeedServer): Crowd {
    const crowd = new Crowd({ ...this.#options, port })
    this.#stops.push(() => crowd.stop())
    return crowd
  }

  /** Starts clients that read each event, as pages do: `page-client.ts`. */
  pages ({ port }: FeedServer): Program {
    const program = new Program({ name: 'pages', command: process.execPath, args: [this.#options.workshop.script('page-client'), String(port)], env: { NODE_OPTIONS: '' } })
    this.#stops.push(() => program.stop())
    return program
  }
}

/** A server that runs. */
export class FeedServer {
  readonly port: number
  readonly #program: Program

  constructor (program: Program, port: number) {
    this.#program = program
    this.port = port
  }

  /** Gives it a command that it does not answer. */
  say (line: string): void {
    this.#program.say(line)
  }

  /** Gives it a command, and waits for the answer. */
  async ask (command: string, ...words: Array<string | number>): Promise<string[]> {
    this.#program.say([command, ...words].join(' '))
    return await this.#program.hear(command)
  }

  /** What it has used so far, user and system. */
  cpuMicroseconds (): number { return cpuMicroseconds(this.#program.pid) }

  residentBytes (): number { return residentBytes(this.#program.pid) }

  /** The most that it has had since it began. */
  peakResidentBytes (): number { return peakResidentBytes(this.#program.pid) }

  /** After a garbage collection. */
  async memory (): Promise<Memory> {
    this.#program.say('collect')
    await this.#program.hear('collected')
    const [heap] = await this.ask('heap')
    return { resident: this.residentBytes(), heap: Number(heap) }
  }
}
