/** Sources of each kind that play a script, and keep a record of what they did. */
import { Readable } from 'node:stream'
import type { SourceArguments } from '../../lib/index.ts'
import type { PulledSource, SourceStep } from './fuzz-script.ts'

/** What a source did. */
export interface SourceRecord {
  /** The length of the filler of each event that it yielded, in order. */
  readonly yielded: number[]
  /** How often a source was started, and how often its `finally` ran. */
  began: number
  ended: number
  /** What must not happen: `return()` twice, or after the end. */
  readonly wrongs: string[]
  /** True where it waits for what does not come by itself. */
  isStuck: boolean
  signal: AbortSignal | undefined
}

export function emptyRecord (): SourceRecord {
  return { yielded: [], began: 0, ended: 0, wrongs: [], isStuck: false, signal: undefined }
}

/** What the fuzzer's own failures say. */
export const THROWN = 'the fuzzer threw'

/** What is no event. */
const BAD: readonly unknown[] = [42, null, [], {}, { event: 'stream:done', data: '' }, { id: 'a\nb', data: '' }]

/** The event at a place among those that a source yields, as a client sees it. */
export function eventAt (index: number, bytes: number, isPlain: boolean): { data: string, event?: string, id?: string } {
  const data = `${index}:${'x'.repeat(bytes)}`
  if (isPlain) return { data }
  return { data, ...index % 2 === 0 ? {} : { event: 'odd' }, ...index % 3 === 0 ? { id: String(index) } : {} }
}

/** Lets so many turns of the event loop pass. */
export async function turns (count: number): Promise<void> {
  for (let left = count; left > 0; left--) await new Promise((resolve) => { setImmediate(resolve) })
}

/** Plays one script. `released` is kept when the run is over. */
class Player {
  readonly #steps: readonly SourceStep[]
  readonly #record: SourceRecord
  readonly #given: SourceArguments | undefined
  readonly #released: Promise<void>
  readonly #isPlain: boolean
  #at = 0
  #flood = 0

  constructor ({ steps, kind }: PulledSource, record: SourceRecord, given: SourceArguments | undefined, released: Promise<void>) {
    this.#steps = steps
    this.#record = record
    this.#given = given
    this.#released = released
    this.#isPlain = kind === 'node bytes'
  }

  /** Goes on to the next event, or to the end. */
  async next (): Promise<IteratorResult<unknown, undefined>> {
    for (;;) {
      const step = this.#step()
      if (step === undefined || step.do === 'return') return { done: true, value: undefined }
      if (step.do === 'yield') return { done: false, value: this.#event(step.bytes) }
      if (step.do === 'bad' && !this.#isPlain) return { done: false, value: BAD[step.which] }
      if (step.do === 'throw') throw new Error(THROWN)
      if (step.do === 'ready') this.#given?.ready()
      if (step.do === 'turns') await turns(step.count)
      if (step.do === 'hang' || step.do === 'until' || step.do === 'signal') await this.#wait(step.do)
    }
  }

  /** The same where nothing can be awaited: promises are yielded. */
  * now (): Generator<unknown, void, undefined> {
    for (let step = this.#step(); step !== undefined && step.do !== 'return'; step = this.#step()) {
      const after = this.#steps[this.#at]
      if (step.do === 'yield') yield this.#event(step.bytes)
      if (step.do === 'bad') yield BAD[step.which]
      if (step.do === 'throw') throw new Error(THROWN)
      // `ready()` in the body of a synchronous generator: see reentry.test.ts
      if (step.do === 'hang' || step.do === 'until' || step.do === 'signal') yield this.#wait(step.do).then(() => 'nobody sees this')
      if (step.do !== 'turns' || after?.do !== 'yield') continue
      this.#at++
      yield turns(step.count).then(() => this.#event(after.bytes))
    }
  }

  /** The next step. A flood is as many as it has events. */
  #step (): SourceStep | undefined {
    const step = this.#steps[this.#at++]
    if (step?.do !== 'flood') return step
    if (++this.#flood < step.events) this.#at--
    else this.#flood = 0
    return { do: 'yield', bytes: step.bytes }
  }

  #event (bytes: number): unknown {
    const event = eventAt(this.#record.yielded.length, bytes, this.#isPlain)
    this.#record.yielded.push(bytes)
    return event
  }

  async #wait (how: 'hang' | 'until' | 'signal'): Promise<void> {
    this.#record.isStuck = true
    if (how === 'hang' || this.#given === undefined) return await this.#released
    if (how === 'until') return await this.#given.until(new Promise<never>(() => {}))
    const { signal } = this.#given
    if (!signal.aborted) await new Promise((resolve) => { signal.addEventListener('abort', resolve, { once: true }) })
    signal.throwIfAborted()
  }
}

/** Makes the source that a script describes; each call makes a new one. */
export function makeSource (script: PulledSource, record: SourceRecord, released: Promise<void>): unknown {
  const make = (given?: SourceArguments): unknown => {
    if (script.takesSignal) record.signal = given?.signal
    const player = new Player(script, record, given, released)
    if (script.kind === 'sync generator') return syncGenerator(player, record)
    if (script.kind === 'iterator') return iterator(player, record)
    const events = asyncGenerator(player, record)
    if (script.kind === 'node objects') return Readable.from(events)
    if (script.kind === 'node bytes') return Readable.from(lines(events), { objectMode: false })
    return script.kind === 'web' ? webStream(events) : events
  }
  if (script.given === 'bare') return make()
  if (script.given === 'by a function') return make
  return async (given: SourceArguments) => { await turns(script.steps.length); return make(given) }
}

function * syncGenerator (player: Player, record: SourceRecord): Generator<unknown> {
  record.began++
  try { yield * player.now() } finally { record.ended++ }
}

async function * asyncGenerator (player: Player, record: SourceRecord): AsyncGenerator<unknown> {
  record.began++
  try {
    for (let result = await player.next(); result.done !== true; result = await player.next()) yield result.value
  } finally { record.ended++ }
}

/** Written by hand: its `return()` waits for nothing. */
function iterator (player: Player, record: SourceRecord): AsyncIterable<unknown> {
  let isOver = false
  let hasBegun = false
  const end = (): void => { if (!isOver && hasBegun) record.ended++; isOver = true }
  const next = async (): Promise<IteratorResult<unknown, undefined>> => {
    if (!hasBegun) record.began++
    hasBegun = true
    try {
      const result = await player.next()
      if (result.done === true) end()
      return result
    } catch (error) {
      end()
      throw error
    }
  }
  const onReturn = async (): Promise<IteratorResult<unknown, undefined>> => {
    if (isOver) record.wrongs.push('return() of an iterator that is over')
    end()
    return { done: true, value: undefined }
  }
  return { [Symbol.asyncIterator]: () => ({ next, return: onReturn }) }
}

/** Each event as a line, cut in two. */
async function * lines (events: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const event of events) {
    const line = Buffer.from(`${typeof event === 'object' && event !== null && 'data' in event ? String(event.data) : String(event)}\n`)
    yield line.subarray(0, line.length >> 1)
    yield line.subarray(line.length >> 1)
  }
}

function webStream (events: AsyncGenerator<unknown>): ReadableStream {
  return new ReadableStream({
    async pull (controller) {
      const { done, value } = await events.next()
      // a stream that was cancelled meanwhile takes nothing more
      try { if (done === true) controller.close(); else controller.enqueue(value) } catch {}
    },
    async cancel () { await events.return(undefined) }
  }, { highWaterMark: 0 })
}
