/** The feeds of one run: what is published in them, and which of it a client is to see. */
import type { FastifyInstance } from 'fastify'
import type { Feed } from '../../lib/index.ts'
import type { FeedSource } from './fuzz-script.ts'
import { turns } from './fuzz-source.ts'
import type { StreamEvent } from './http-bytes.ts'

interface Published { readonly n: number, readonly filler: string }

/** True for the entries that `where` lets pass. */
const isWanted = ({ n }: Published): boolean => n % 2 === 0
/** True for the entries that `as` leaves out. */
const isLeftOut = ({ n }: Published): boolean => n % 3 === 0

/** The feeds of one run. */
export class RunFeeds {
  readonly #script: FeedSource
  readonly #feeds: Array<Feed<Record<string, unknown>>>
  /** For each feed the numbers that were published and pass the filter and the projection. */
  readonly #wanted: number[][]
  #count = 0

  constructor (app: FastifyInstance, name: string, script: FeedSource) {
    this.#script = script
    const names = script.kind === 'feeds' ? [`a${name}`, `b${name}`] : [`a${name}`]
    this.#feeds = names.map((each) => app.feed(each) as Feed<Record<string, unknown>>)
    this.#wanted = names.map(() => [])
  }

  /** What `reply.sse` is given. */
  subscriptions (): unknown {
    const { from, where, as } = this.#script
    const made = this.#feeds.map((feed, index) => feed.subscribe({
      from,
      where: where ? ({ data }) => isWanted(data as Published) : undefined,
      as: as ? ({ data }) => isLeftOut(data as Published) ? undefined : { event: 'seen', data: { ...data as Published, index } } : undefined
    }))
    return made.length === 1 ? made[0] : made
  }

  /** Plays the script, waits for `isDue`, and ends the feeds. */
  async play (isDue: () => boolean): Promise<void> {
    for (const step of this.#script.steps) {
      if (step.do === 'turns') await turns(step.count)
      else for (let left = step.count; left > 0; left--) this.#publish(step.feed, step.bytes)
    }
    while (!isDue()) await new Promise((resolve) => { setTimeout(resolve, 1) })
    for (const feed of this.#feeds) feed.end()
  }

  /**
   * What is wrong with the events that the legs of a client got, in words. `hasAll`: the last leg saw the end, so that all up to
   * the newest must be there; `kept`: for each leg but the first, whether it came with a last event ID.
   */
  wrongs (legs: ReadonlyArray<readonly StreamEvent[]>, { hasAll, kept }: { hasAll: boolean, kept: readonly boolean[] }): string[] {
    const wrongs: string[] = []
    this.#wanted.forEach((wanted, index) => {
      // where a stream begins that gets only what is new, is known when its first event comes
      let at: number | undefined = this.#script.from === 'earliest' ? 0 : undefined
      legs.forEach((events, leg) => {
        if (leg > 0 && kept[leg - 1] !== true) at = this.#script.from === 'earliest' ? 0 : undefined
        for (const n of numbersIn(events, index, this.#feeds.length === 1)) {
          const place = wanted.indexOf(n)
          if (place === -1) wrongs.push(`${n} of feed ${index} was not to be seen`)
          else if (at !== undefined && place !== at) wrongs.push(`after ${wanted[at - 1] ?? 'nothing'} of feed ${index} comes ${n} and not ${wanted[at] ?? 'the end'}`)
          at = place + 1
        }
      })
      if (hasAll && at !== undefined && at !== wanted.length) wrongs.push(`the end comes after ${at} of ${wanted.length} events of feed ${index}`)
    })
    return wrongs
  }

  #publish (feed: number, bytes: number): void {
    const index = feed % this.#feeds.length
    const published = { n: this.#count++, filler: 'x'.repeat(bytes) }
    try {
      this.#feeds[index]?.publish({ event: `of${index}`, data: published })
    } catch (error) {
      // the application has closed
      if (error instanceof Error && 'code' in error && error.code === 'FST_EVENTFEED_LOG_CLOSED') return
      throw error
    }
    const { where, as } = this.#script
    if ((!where || isWanted(published)) && (!as || !isLeftOut(published))) this.#wanted[index]?.push(published.n)
  }
}

/** The numbers of the events that came from one feed. */
function numbersIn (events: readonly StreamEvent[], index: number, isOnly: boolean): number[] {
  return events.filter(({ event }) => event === `of${index}` || event === 'seen').map(({ data }) => JSON.parse(data) as Published & { index?: number })
    .filter((published) => isOnly || (published.index ?? index) === index).map(({ n }) => n)
}
