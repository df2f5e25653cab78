/** What is done with each client, and what its user sees of it, in a few words. */
import { eventually } from '../story/raw-client.ts'
import { Facts } from './facts.ts'
import { Session, type Client, type Item, type OpenClient } from './session.ts'
import { EVENTS, MIDDLE, World, type WorldOptions } from './world.ts'

/** A client with what the application must know of it. */
export interface Subject {
  readonly client: Client
  /** The application in the words of its protocol. */
  readonly world?: WorldOptions
  /** True for a client that tells its user nothing when it has stopped. */
  readonly isSilent?: boolean
  /** Which event of the application an item is; `undefined` for an item that is none. */
  readonly numberOf?: (item: Item) => number | undefined
}

/** A stream of one client in one application. */
export class Stage {
  readonly #subject: Subject
  readonly #facts: Facts
  readonly session: Session
  readonly world: World
  #path = ''
  #isEndless = false
  #open: OpenClient | undefined

  private constructor (subject: Subject, facts: Facts, world: World) {
    this.#subject = subject
    this.#facts = facts
    this.session = new Session(facts)
    this.world = world
  }

  /** Opens the application. */
  static async open (subject: Subject): Promise<Stage> {
    const facts = new Facts()
    return new Stage(subject, facts, await World.open(facts, subject.world))
  }

  /** The client opens a path. */
  async connect (path: string, method: 'GET' | 'POST' = 'GET'): Promise<void> {
    this.#path = path
    this.#open = await this.#subject.client.open({ origin: this.world.origin, path, method }, this.session)
  }

  /** Waits until the client has most likely read what was sent. */
  async hasRead (): Promise<void> {
    await this.#open?.hasRead?.()
  }

  /** Stops the client and the application. */
  async close (): Promise<void> {
    await this.#open?.close()
    await this.world.close()
  }

  /** The events of the application that the user has seen. */
  get numbers (): number[] {
    return this.session.items.flatMap((item) => this.#numberOf(item) ?? [])
  }

  /** How often the client has asked for the stream. */
  get requests (): number { return this.world.requests(this.#path).length }

  /** How many of its requests were answered. */
  get answered (): number { return this.world.requests(this.#path).filter(({ status }) => status !== 0).length }

  /** Waits until a fact is true, or the client has ended the stream. */
  async until (isTrue: () => boolean, awaited: string): Promise<void> {
    await this.#facts.until(() => isTrue() || this.session.end !== undefined, awaited, () => this.seen)
  }

  /** Waits until the user has seen an event, or the client has ended the stream. */
  async sees (number: number): Promise<void> {
    await this.until(() => this.numbers.includes(number), `event ${number}`)
  }

  /** Waits until the client has ended the stream, or has come back twice after its end: then it does so for ever. */
  async isOver (): Promise<void> {
    const { answered } = this
    await this.until(() => this.answered >= answered + 2 || this.#endsInSilence, 'the end')
    this.#isEndless = this.answered >= answered + 2
  }

  /** What there is so far, for messages of tests. */
  get seen (): unknown { return { session: this.session.seen, requests: this.world.requests(this.#path) } }

  /** What the user has seen, in a few words. */
  get outcome (): string {
    const others = this.session.items.filter((item) => this.#numberOf(item) === undefined).map(({ type }) => `+ ${type}`)
    return [this.#events, ...new Set(others), this.#way, this.#end].filter((part) => part !== '').join(', ')
  }

  get #events (): string {
    // a client that begins again sees the same events again; how often is a matter of time
    const numbers = this.#isEndless && this.#way === 'begins again' ? [...new Set(this.numbers)] : this.numbers
    if (numbers.length === 0) return 'none'
    const isRun = numbers.every((number, index) => number === index + 1)
    if (!isRun) return numbers.join(' ')
    return numbers.length === EVENTS ? 'all' : `first ${numbers.length}`
  }

  /** True for a client that says nothing of its end, when it has the answer that stops it. */
  get #endsInSilence (): boolean {
    return this.#subject.isSilent === true && this.world.requests(this.#path).at(-1)?.status === 204
  }

  /** How the client came back to a stream. */
  get #way (): string {
    const [, ...later] = this.world.requests(this.#path).filter(({ status }) => status === 200)
    if (later.length === 0) return ''
    return later.every(({ lastEventId }) => lastEventId !== undefined) ? 'resumes' : 'begins again'
  }

  get #end (): string {
    const { end } = this.session
    if (this.#isEndless) return 'comes back for ever'
    if (end === undefined) return this.#endsInSilence ? 'ends' : ''
    if (end.kind === 'failed') return 'fails'
    const isSuccess = end.kind === 'ended' || this.world.requests(this.#path).at(-1)?.status === 204
    return isSuccess ? 'ends' : 'gives up'
  }

  #numberOf (item: Item): number | undefined {
    return (this.#subject.numberOf ?? numberInJson)(item)
  }
}

/** The number of an unnamed event whose data is `{ n }`. */
function numberInJson ({ type, data }: Item): number | undefined {
  return type === 'message' ? /^\{"n":(\d+)\}$/.exec(data)?.slice(1).map(Number)[0] : undefined
}

/** What is done, by the heads of the table's columns. */
export const CASES = {
  /** A feed: some events are there, one comes later, then it ends. */
  feed: async (stage: Stage) => {
    const { world } = stage
    for (let number = 1; number <= MIDDLE; number++) await world.publish()
    await stage.connect('/feed')
    await stage.sees(MIDDLE)
    await world.publish()
    await stage.sees(EVENTS)
    world.end()
    await stage.isOver()
  },
  /** A stream that ends. */
  'finite stream': async (stage: Stage) => {
    await stage.connect('/finite')
    await stage.sees(EVENTS)
    await stage.isOver()
  },
  /** A stream that fails in the middle. A client that comes back gets the rest. */
  failure: async (stage: Stage) => {
    await stage.connect('/failing')
    await stage.sees(MIDDLE)
    stage.world.fail()
    await stage.sees(EVENTS)
    await stage.isOver()
  },
  /** The server restarts in the middle of a feed. */
  drain: async (stage: Stage) => {
    const { world } = stage
    for (let number = 1; number <= MIDDLE; number++) await world.publish()
    await stage.connect('/feed')
    await stage.sees(MIDDLE)
    await world.restart()
    await world.publish()
    await stage.sees(EVENTS)
  },
  /** The same, and the server is still away when the client comes back for the first time. */
  'server away': async (stage: Stage) => {
    const { world } = stage
    for (let number = 1; number <= MIDDLE; number++) await world.publish()
    await stage.connect('/feed')
    await stage.sees(MIDDLE)
    await world.restartLate(() => stage.session.end === undefined)
    await world.publish()
    await stage.sees(EVENTS)
  },
  /** The line is lost before the first event of a feed, and events are published meanwhile. */
  'lost line': async (stage: Stage) => {
    const { world } = stage
    await stage.connect('/latest')
    await headHasLeft(stage)
    await stage.hasRead()
    world.cut('/latest')
    await world.publish()
    await stage.until(() => stage.requests > 1, 'the client comes back')
    await headHasLeft(stage)
    for (let number = 2; number <= EVENTS; number++) await world.publish()
    await stage.sees(EVENTS)
  },
  /** The feed has dropped what the client asks for. */
  gap: async (stage: Stage) => {
    const { world } = stage
    for (let number = 1; number <= EVENTS; number++) await world.publish()
    await stage.connect('/gap')
    await stage.sees(EVENTS)
  },
  /** A run that was started before. */
  run: (stage: Stage) => playRun(stage, 'GET', 'to the end', () => stage.world.goOn()),
  /** The line is lost in the middle of a run, which goes on. */
  'run, lost line': (stage: Stage) => playRun(stage, 'GET', 'to the end', () => {
    stage.world.cut('/run')
    stage.world.goOn()
  }),
  /** The run fails in the middle. */
  'run, failure': (stage: Stage) => playRun(stage, 'GET', 'to the middle', () => stage.world.fail()),
  /** The run is stopped in the middle. */
  'run, stop': (stage: Stage) => playRun(stage, 'GET', 'to the middle', () => stage.world.stopRun()),
  /** The server restarts in the middle of a run, which is lost with it. */
  'run, drain': (stage: Stage) => playRun(stage, 'GET', 'to the middle', () => stage.world.restart()),
  /** A POST whose answer is a stream that ends. */
  'POST, finite stream': async (stage: Stage) => {
    await stage.connect('/finite', 'POST')
    await stage.sees(EVENTS)
    await stage.isOver()
  },
  /** A POST whose answer fails in the middle. */
  'POST, failure': async (stage: Stage) => {
    await stage.connect('/failing', 'POST')
    await stage.sees(MIDDLE)
    stage.world.fail()
    await stage.sees(EVENTS)
    await stage.isOver()
  },
  /** A POST that starts a run, and is answered by its stream. */
  'POST, run': (stage: Stage) => playRun(stage, 'POST', 'to the end', () => stage.world.goOn()),
  /** The same, with a failure of the run in the middle. */
  'POST, run, failure': (stage: Stage) => playRun(stage, 'POST', 'to the middle', () => stage.world.fail())
} as const satisfies Record<string, (stage: Stage) => Promise<void>>

export type CaseName = keyof typeof CASES

/** Plays one case with a client. Gives what its user sees. */
export async function play (subject: Subject, name: CaseName): Promise<{ outcome: string, seen: unknown }> {
  const stage = await Stage.open(subject)
  try {
    await CASES[name](stage)
    return { outcome: stage.outcome, seen: stage.seen }
  } finally {
    await stage.close()
  }
}

/** Follows a run, and does something when the client has seen the middle. `how`: how far the run goes after that. */
async function playRun (stage: Stage, method: 'GET' | 'POST', how: 'to the end' | 'to the middle', inTheMiddle: () => unknown): Promise<void> {
  if (method === 'GET') stage.world.startRun(method)
  await stage.connect('/run', method)
  await stage.sees(MIDDLE)
  await inTheMiddle()
  if (how === 'to the end') await stage.sees(EVENTS)
  await stage.isOver()
}

/** Waits until the newest stream has its head, and what leaves with it. */
async function headHasLeft ({ world }: Stage): Promise<void> {
  // Node says nothing when a head leaves
  await eventually(() => world.requests('/latest').at(-1)?.status === 200 && world.app.eventfeed.stats().bytes > 0, 'the head leaves')
}
