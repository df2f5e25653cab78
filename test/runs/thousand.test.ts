/**
 * 1,000 runs of 300 events, one each 100 ms, two clients each, half of which reload at random: every client has all
 * events once and in order, and the memory is back when the runs are freed.
 */
import t from 'tap'
import { BATCH_BYTES } from '../../lib/defaults.ts'
import type { RunArguments } from '../../lib/runs/source-values.ts'
import type { RunFamily } from '../../lib/runs/run-family.ts'
import { EVENTS_FORM } from '../../lib/wire/control-form.ts'
import { openFrames, type FrameSource } from '../../lib/wire/frame-source.ts'
import { ManualClock } from '../clock.ts'
import { heldBytes, turn } from '../feed/open-stream.ts'
import { familyOf } from './family.ts'

const [RUNS, EVENTS, EVERY_MS, KEEP_MS] = [1_000, 300, 100, 600_000]

t.setTimeout(300_000)

/** A client that reads all there is, and keeps no more than what it needs to come back. */
class Reader {
  next = 1
  isDone = false
  #lastEventId: string | undefined
  #source: FrameSource | undefined
  readonly #runs: RunFamily
  readonly #id: string
  readonly #wrongs: string[]

  constructor (runs: RunFamily, id: string, wrongs: string[]) {
    this.#runs = runs
    this.#id = id
    this.#wrongs = wrongs
  }

  open (): void {
    this.#source = this.#runs.follow(this.#id)[openFrames]({
      lastEventId: this.#lastEventId, codec: undefined, control: EVENTS_FORM, signal: new AbortController().signal, owner: { wake: () => { this.#read() } }
    })
    this.#read()
  }

  close (): void {
    this.#source?.cancel(new Error('reloaded'))
    this.#source?.release()
    this.#source = undefined
  }

  #read (): void {
    for (let batch = this.#source?.read(BATCH_BYTES); batch !== undefined; batch = this.#source?.read(BATCH_BYTES)) {
      for (const event of String(batch.bytes).split('\n\n').slice(0, -1)) this.#took(event)
    }
    if (this.#source?.end === undefined) return
    if (this.#source.end.kind !== 'done') this.#wrongs.push(`the end of ${this.#id} is ${this.#source.end.kind}`)
    this.isDone = true
    this.close()
  }

  /** The lines of one event. They are compared as text, because a parser for each read would take most of the time. */
  #took (event: string): void {
    const [head, id] = event.split('\nid: ')
    this.#lastEventId = id
    if (head === 'event: stream:bookmark\ndata: {}') return
    if (head !== `event: token\ndata: {"n":${this.next}}`) this.#wrongs.push(`${event} in place of ${this.next}`)
    this.next++
  }
}

t.test('1,000 runs, 2,000 clients, 1,000 of which reload: all is there once and in order, and then the memory is back', async (t) => {
  const clock = new ManualClock()
  const { runs, reported } = familyOf(t, { clock, keepMs: KEEP_MS })
  // one clock for all: a timer for each would be searched for among thousands
  const waiting: Array<() => void> = []
  const tick = async (): Promise<void> => {
    clock.advance(EVERY_MS)
    for (const resolve of waiting.splice(0)) resolve()
    await turn()
  }
  const play = async (count: number): Promise<string[]> => {
    const wrongs: string[] = []
    const readers: Reader[] = []
    for (let run = 0; run < count; run++) {
      const { id } = runs.start(async function * ({ until }: RunArguments) {
        for (let n = 1; n <= EVENTS; n++) {
          await until(new Promise<void>((resolve) => { waiting.push(resolve) }))
          yield { event: 'token', data: { n } }
        }
      })
      readers.push(new Reader(runs, id, wrongs), new Reader(runs, id, wrongs))
    }
    for (const reader of readers) reader.open()
    for (let step = 0; step < EVENTS; step++) {
      await tick()
      // each of the second ones reloads now and then, and is away for a step or none
      for (let place = 1; place < readers.length; place += 2) {
        const reader = readers[place]
        if (reader === undefined || reader.isDone || Math.random() > 0.02) continue
        reader.close()
        if (Math.random() < 0.5) reader.open()
        else setImmediate(() => { reader.open() })
      }
    }
    while (runs.stats().running > 0 || !readers.every(({ isDone }) => isDone)) await tick()
    wrongs.push(...readers.filter(({ next }) => next !== EVENTS + 1).map(({ next }) => `one has ${next - 1} events`))
    return wrongs
  }
  // what is compiled and grown for the first runs stays
  t.strictSame(await play(50), [])
  clock.advance(KEEP_MS)
  const before = await heldBytes()
  t.strictSame(await play(RUNS), [])
  const kept = await heldBytes() - before
  clock.advance(KEEP_MS)
  const after = await heldBytes() - before
  t.match(runs.stats(), { running: 0, kept: 0, bytes: 0, entries: 0, streams: 0, started: RUNS + 50 })
  t.comment(`${Math.round(kept / 2 ** 20)} MiB while the runs are kept, ${Math.round(after / 1024)} KiB after that; ${Math.round(kept / RUNS / 1024)} KiB a run of ${EVENTS} events`)
  t.ok(kept > 20 * 2 ** 20, 'kept runs hold their events')
  t.ok(after < 2 * 2 ** 20, `${Math.round(after / 1024)} KiB are left`)
  t.strictSame(reported, [])
})
