/** What is done with each client, and what its user sees of it, in a few words. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Facts } from './facts.ts'
import { Session, type Client, type Item } from './session.ts'
import { EVENTS, MIDDLE, World, type WorldOptions } from './world.ts'

/** A client with what the application must know of it. */
export interface Subject {
  readonly client: Client
  /** The application in the words of its protocol. */
  readonly world?: WorldOptions
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
  #stop: (() => Promise<void>) | undefined

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
    this.#stop = await this.#subject.client.open({ origin: this.world.origin, path, method }, this.session)
  }

  /** Stops the client and the application. */
  async close (): Promise<void> {
    await this.#stop?.()
    await this.world.close()
  }

  /** The events of the application that the user has seen. */
  get numbers (): number[] {
    return this.session.items.flatMap((item) => this.#numberOf(item) ?? [])
  }

  /** How often the client has asked for the stream. */
  get requests (): number { return this.world.requests(this.#path).length }

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
    const { requests } = this
    await this.until(() => this.requests >= requests + 2, 'the end')
  }

  /** What there is so far, for messages of tests. */
  get seen (): unknown { return { session: this.session.seen, requests: this.world.requests(this.#path) } }

  /** What the user has seen, in a few words. */
  get outcome (): string {
    const others = this.session.items.filter((item) => this.#numberOf(item) === undefined).map(({ type }) => `+ ${type}`)
    return [this.#events, ...new Set(others), this.#way, this.#end].filter((part) => part !== '').join(', ')
  }

  get #events (): string {
    const { numbers } = this
    if (numbers.length === 0) return 'none'
    const isRun = numbers.every((number, index) => number === index + 1)
    if (!isRun) return numbers.join(' ')
    return numbers.length === EVENTS ? 'all' : `first ${numbers.length}`
  }

  /** How the client came back to a stream. */
  get #way (): string {
    const [, ...later] = this.world.requests(this.#path).filter(({ status }) => status === 200)
    if (later.length === 0) return ''
    return later.every(({ lastEventId }) => lastEventId !== undefined) ? 'resumes' : 'begins again'
  }

  get #end (): string {
    const { end } = this.session
    if (end === undefined) return ''
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
  /** A stream that fails in the middle. Who comes back gets the rest. */
  failure: async (stage: Stage) => {
    await stage.connect('/failing')
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
  /** The line is lost before the first event of a feed, and events are published meanwhile. */
  'lost line': async (stage: Stage) => {
    const { world } = stage
    await stage.connect('/latest')
    await headHasLeft(stage)
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
  /** A POST whose answer is a stream that ends. */
  'POST, finite': async (stage: Stage) => {
    await stage.connect('/finite', 'POST')
    await stage.sees(EVENTS)
    await stage.isOver()
  },
  /** A POST whose answer fails in the middle. */
  'POST, failure': async (stage: Stage) => {
    await stage.connect('/failing', 'POST')
    await stage.sees(EVENTS)
    await stage.isOver()
  }
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

/** Waits until the newest request for a stream has its head, and what leaves with it. */
async function headHasLeft ({ world }: Stage): Promise<void> {
  // Node says nothing when a head leaves
  while (world.requests('/latest').at(-1)?.status !== 200) await nextTurn()
  await nextTurn()
}
