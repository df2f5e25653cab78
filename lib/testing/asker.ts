/**
 * Asks a log under test: each answer must come within a bound, and a draft gets the time of the clock that the log has.
 */
import { LOG_ANSWER_MS } from '../defaults.ts'
import { Broken } from './broken.ts'
import type { LogUnderTest } from './log-under-test.ts'

/** A call that is awaited later, or not where something else fails first: it may fail without anybody's noticing. */
export function started<Answer> (answer: Promise<Answer>): Promise<Answer> {
  answer.catch(() => {})
  return answer
}

/** What all holds of one run share. */
export class Asker {
  /** How long a call may take, in milliseconds of real time. */
  readonly answerWithinMs: number
  readonly #clock: LogUnderTest['clock']

  constructor ({ answerWithinMs = LOG_ANSWER_MS, clock }: LogUnderTest) {
    this.answerWithinMs = answerWithinMs
    this.#clock = clock
  }

  /** The time now, in milliseconds since the Unix epoch. */
  now (): number {
    return this.#clock?.now() ?? Date.now()
  }

  /**
   * Calls at once, and waits for the answer. Throws what the call throws, and `Broken` where no answer comes in time.
   */
  async ask<Answer> (what: string, call: () => Answer | Promise<Answer>): Promise<Answer> {
    let timer: ReturnType<typeof setTimeout> | undefined
    try {
      const late = new Promise<never>((_resolve, reject) => {
        const error = new Broken(`that ${what} answers or fails in any case`,
          `no answer within ${this.answerWithinMs} ms`)
        timer = setTimeout(() => { reject(error) }, this.answerWithinMs)
      })
      return await Promise.race([call(), late])
    } finally {
      clearTimeout(timer)
    }
  }
}
