/** What is done with each AI client, and what its user sees of it, in a few words. */
import { Facts } from '../facts.ts'
import { Session, type Client, type OpenClient } from '../session.ts'
import { AiWorld, type AnswerKind } from './ai-world.ts'
import { EVENTS, type Protocol } from './protocols.ts'

/** After how many events the middle of an answer is. */
const MIDDLE = 2
/** A client that has asked more often than this comes back for ever. */
const MAX_REQUESTS = 12

/** A client, and what it speaks. */
export interface AiSubject { readonly client: Client, readonly protocol: Protocol }

/** One answer for one client. */
export class AiStage {
  readonly #subject: AiSubject
  readonly #facts: Facts
  readonly #session: Session
  readonly world: AiWorld
  #open: OpenClient | undefined

  private constructor (subject: AiSubject, facts: Facts, world: AiWorld) {
    this.#subject = subject
    this.#facts = facts
    this.#session = new Session(facts)
    this.world = world
  }

  static async open (subject: AiSubject): Promise<AiStage> {
    const facts = new Facts()
    return new AiStage(subject, facts, await AiWorld.open(facts, subject.protocol))
  }

  /** The client asks for an answer. */
  async ask (kind: AnswerKind): Promise<void> {
    const task = { origin: this.world.origin, path: `/${kind}`, method: 'POST' } as const
    this.#open = await this.#subject.client.open(task, this.#session)
  }

  /** The client asks for an answer, and its user has seen the middle of it. */
  async askAndSeeMiddle (kind: AnswerKind): Promise<void> {
    this.world.release(MIDDLE)
    await this.ask(kind)
    await this.until(() => this.#numbers.includes(MIDDLE), `event ${MIDDLE}`)
  }

  /** Waits until a fact is true, or the client has ended the answer. */
  async until (isTrue: () => boolean, awaited: string): Promise<void> {
    await this.#facts.until(() => isTrue() || this.#session.end !== undefined, awaited, () => this.seen)
  }

  /** Waits until the client has ended the answer, or comes back for ever. */
  async isOver (): Promise<void> {
    await this.until(() => this.world.requests.length > MAX_REQUESTS, 'the end')
  }

  async close (): Promise<void> {
    try { await this.#open?.close() } finally { await this.world.close() }
  }

  /** What there is so far, for messages of tests. */
  get seen (): unknown { return { session: this.#session.seen, requests: this.world.requests } }

  /** What the user has seen, in a few words. */
  get outcome (): string {
    const [, ...later] = this.world.requests.filter(({ status }) => status === 200)
    const way = later.length > 0 ? 'resumes' : ''
    return [this.#events, ...new Set(this.#others), way, this.#end].filter((part) => part !== '').join(', ')
  }

  get #events (): string {
    const numbers = this.#numbers
    if (numbers.length === 0) return 'none'
    if (!numbers.every((number, index) => number === index + 1)) return numbers.join(' ')
    return numbers.length === EVENTS ? 'all' : `first ${numbers.length}`
  }

  /** Items that are no events. Most clients do not say that the type of a gap is `stream:gap`. */
  get #others (): string[] {
    const { protocol } = this.#subject
    const others = this.#session.items.filter((item) => protocol.numberOf(item) === undefined)
    return others.map(({ type, data }) => `+ ${data.includes('"oldest":') ? 'stream:gap' : type}`)
  }

  get #end (): string {
    const { end } = this.#session
    if (end === undefined) return 'comes back for ever'
    return end.kind === 'failed' ? 'fails' : 'ends'
  }

  get #numbers (): number[] {
    return this.#session.items.flatMap((item) => this.#subject.protocol.numberOf(item) ?? [])
  }
}

async function all (stage: AiStage, kind: AnswerKind): Promise<void> {
  await stage.askAndSeeMiddle(kind)
  stage.world.release(EVENTS)
  await stage.isOver()
}

async function failure (stage: AiStage, kind: AnswerKind): Promise<void> {
  await stage.askAndSeeMiddle(kind)
  stage.world.fail()
  await stage.isOver()
}

async function drain (stage: AiStage, kind: AnswerKind): Promise<void> {
  await stage.askAndSeeMiddle(kind)
  await stage.world.restart()
  await stage.isOver()
}

/** What is done, by the heads of the table's columns. */
export const AI_CASES = {
  run: (stage: AiStage) => all(stage, 'run'),
  'run, failure': (stage: AiStage) => failure(stage, 'run'),
  'run, drain': (stage: AiStage) => drain(stage, 'run'),
  /** The line is lost in the middle, as by a network that fails; the run goes on. */
  'run, lost line': async (stage: AiStage) => {
    await stage.askAndSeeMiddle('run')
    stage.world.cut()
    stage.world.release(EVENTS)
    await stage.isOver()
  },
  /** Somebody stops the run in the middle. */
  'run, stop': async (stage: AiStage) => {
    await stage.askAndSeeMiddle('run')
    await stage.world.stop()
    await stage.isOver()
  },
  /** The run has dropped its beginning. */
  'run, gap': async (stage: AiStage) => {
    stage.world.release(EVENTS)
    await stage.ask('gap')
    await stage.isOver()
  },
  stream: (stage: AiStage) => all(stage, 'plain'),
  'stream, failure': (stage: AiStage) => failure(stage, 'plain'),
  'stream, drain': (stage: AiStage) => drain(stage, 'plain'),
  feed: (stage: AiStage) => all(stage, 'feed')
} as const satisfies Record<string, (stage: AiStage) => Promise<void>>

export type AiCaseName = keyof typeof AI_CASES

/** Plays one case with a client. Gives what its user sees, or what has not come in time. */
export async function playAi (subject: AiSubject, name: AiCaseName): Promise<{ outcome: string, seen: unknown }> {
  const stage = await AiStage.open(subject)
  try {
    await AI_CASES[name](stage)
    return { outcome: stage.outcome, seen: stage.seen }
  } catch (error) {
    return { outcome: `${stage.outcome}: ${error instanceof Error ? error.message : String(error)}`, seen: stage.seen }
  } finally {
    await stage.close()
  }
}
