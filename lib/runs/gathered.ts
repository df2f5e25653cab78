/** Several loops read as one: the values of all, as they come. Loops may be added and taken away meanwhile. */
import { heard } from '../guarded.ts'

/** One of the loops. */
interface Member {
  readonly key: unknown
  readonly iterator: AsyncIterator<unknown>
}

/** What a loop has answered. */
type Answer = { readonly member: Member } & ({ readonly result: IteratorResult<unknown> } | { readonly error: unknown })

/** What is done with loops that are over. */
export interface GatheredParts {
  /** A loop has ended, or failed with `error`. What it throws, the whole fails with. */
  readonly onOver: (key: unknown, failure: { readonly error: unknown } | undefined) => void
  /** Asked when no loop is read any more, or one is over: true where nothing more will come. May throw. */
  readonly isOver: () => boolean
}

/** Values of several loops. Each is asked for its next value when the one before was taken. */
export class Gathered implements AsyncIterator<unknown, undefined> {
  readonly #parts: GatheredParts
  readonly #members = new Map<unknown, Member>()
  readonly #answers: Answer[] = []
  #wake = (): void => {}
  /** Calls of `next` are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  #hasLeft = false

  constructor (parts: GatheredParts) {
    this.#parts = parts
  }

  /** How many loops are read. */
  get size (): number { return this.#members.size }

  /** Reads one more. */
  add (key: unknown, iterator: AsyncIterator<unknown>): void {
    const member = { key, iterator }
    this.#members.set(key, member)
    this.#ask(member)
  }

  /** Reads it no more: what it has answered and nobody has taken is dropped. */
  delete (key: unknown): void {
    const member = this.#members.get(key)
    if (member === undefined) return
    this.#members.delete(key)
    heard(member.iterator.return?.())
    this.#wake()
  }

  /** `isOver` may answer otherwise by now. */
  look (): void {
    this.#wake()
  }

  next (): Promise<IteratorResult<unknown, undefined>> {
    const result = this.#turn.then(() => this.#next())
    this.#turn = result.catch(() => {})
    return result
  }

  /** Lets go of all. A call of `next` that waits is answered with the end. */
  async return (): Promise<IteratorReturnResult<undefined>> {
    this.#hasLeft = true
    const members = [...this.#members.values()]
    this.#members.clear()
    this.#wake()
    await Promise.all(members.map(async ({ iterator }) => await iterator.return?.()))
    return { done: true, value: undefined }
  }

  async #next (): Promise<IteratorResult<unknown, undefined>> {
    for (;;) {
      const answer = this.#answers.shift()
      if (answer === undefined) {
        if (this.#hasLeft || this.#parts.isOver()) return { done: true, value: undefined }
        await new Promise<void>((resolve) => { this.#wake = resolve })
        continue
      }
      const { member } = answer
      if (this.#members.get(member.key) !== member) continue
      if ('result' in answer && answer.result.done !== true) {
        this.#ask(member)
        return { done: false, value: answer.result.value }
      }
      this.#members.delete(member.key)
      try {
        this.#parts.onOver(member.key, 'error' in answer ? answer : undefined)
      } catch (error) {
        // who reads it does not close what has failed
        this.return().catch(() => {})
        throw error
      }
    }
  }

  #ask (member: Member): void {
    const answered = (answer: Answer): void => {
      this.#answers.push(answer)
      this.#wake()
    }
    Promise.resolve().then(() => member.iterator.next()).then((result) => { answered({ member, result }) }, (error: unknown) => { answered({ member, error }) })
  }
}
