/** Loops over many streams, deadlines or readers: one that throws does not stop the rest, and is logged. */
import t from 'tap'
import { ManualClock } from '../clock.ts'
import { feedOf, turn } from '../feed/open-stream.ts'
import { Connection } from '../../lib/stream/connection.ts'
import { Deadlines } from '../../lib/deadlines.ts'
import type { EndSummary } from '../../lib/stream/end.ts'
import { Heartbeats } from '../../lib/stream/heartbeat.ts'
import type { Writer } from '../../lib/stream/writer.ts'
import { Streams } from '../../lib/plugin/streams.ts'
import { readSettings } from '../../lib/plugin/options.ts'
import { EVENTS_FORM } from '../../lib/wire/control-form.ts'
import { openFrames } from '../../lib/wire/frame-source.ts'

const broken = new Error('broken')
const fail = (): never => { throw broken }

t.test('a deadline that throws is reported, and the others run at their times', async (t) => {
  const clock = new ManualClock()
  const reported: unknown[] = []
  const deadlines = new Deadlines(clock, (error) => { reported.push(error) })
  const run: number[] = []
  for (const at of [1, 2, 3]) deadlines.set(at, () => { run.push(at) })
  deadlines.set(1, fail)
  deadlines.set(3, fail)
  clock.advance(2)
  t.strictSame(run, [1, 2])
  clock.advance(2)
  t.strictSame([run, reported, clock.timers], [[1, 2, 3], [broken, broken], 0])
})

t.test('a heartbeat that throws is reported, and the others beat on', async (t) => {
  const clock = new ManualClock()
  const reported: unknown[] = []
  const heartbeats = new Heartbeats(clock, 64, (error) => { reported.push(error) })
  let beats = 0
  const watched = [fail, () => { beats++ }, fail].map((beat) => ({ rosterPlace: -1, heartbeatSlice: -1, lastWriteSlice: 0, beat }))
  for (const beating of watched) heartbeats.add(beating)
  clock.advance(640)
  t.ok(beats >= 9, `${beats} beats`)
  t.ok(reported.length >= 18, `${reported.length} reports`)
  for (const beating of watched) heartbeats.drop(beating)
  t.equal(clock.timers, 0)
})

t.test('a logger that throws stops nothing', async (t) => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock, fail)
  let hasRun = false
  deadlines.set(1, fail)
  deadlines.set(2, () => { hasRun = true })
  clock.advance(3)
  t.ok(hasRun)
})

t.test('a stream whose end throws keeps no other from being kicked, nor from being drained', async (t) => {
  const faults: string[] = []
  const streams = new Streams(readSettings({}), undefined as never, (_error, what) => { faults.push(what) })
  const ended: string[] = []
  for (const name of ['a', 'b', 'c']) {
    const end = name === 'b' ? fail : () => { ended.push(name) }
    streams.enter({ rosterPlace: -1, connection: { end } as never, key: 'me', route: 'GET /', tag: undefined, requestId: name, openedAt: 0, response: {} as never })
  }
  t.equal(streams.kick('me', undefined), 3)
  t.strictSame([ended, faults], [['a', 'c'], ['an event stream could not be ended']])
  streams.close()
})

t.test('sources that still run are reported at the close, also behind one whose report throws', async (t) => {
  const faults: string[] = []
  const streams = new Streams(readSettings({}), undefined as never, (_error, what) => { faults.push(what) })
  let reports = 0
  streams.watchParked(fail)
  streams.watchParked(() => { reports++ })
  streams.close()
  t.strictSame([reports, faults.length], [1, 1])
})

t.test('a stream that throws when it is woken keeps no other from its end when the feed ends, or its application closes', async (t) => {
  for (const does of ['end', 'close'] as const) {
    const feed = feedOf()
    let woken = 0
    for (const wake of [fail, () => { woken++ }]) {
      const { signal } = new AbortController()
      const source = feed.subscribe({ keys: ['a'] })[openFrames]({ lastEventId: undefined, codec: undefined, control: EVENTS_FORM, signal, owner: { wake } })
      // its bookmark, and then it waits
      t.not(source.read(1024), undefined)
      t.equal(source.read(1024), undefined)
    }
    await feed[does]()
    await turn()
    t.equal(woken, 1, does)
  }
})

t.test('a stream whose writer throws ends alone, with the error and its source closed, on whatever stack that is', async (t) => {
  const feed = feedOf()
  const clock = new ManualClock()
  const streams = new Streams(readSettings({ clock }), undefined as never, (_error, what) => { t.fail(what) })
  const open = (failsAt: number): EndSummary[] => {
    const ended: EndSummary[] = []
    let writes = 0
    const writer = {
      kind: 'carrier',
      isBusy: false,
      isGone: false,
      destroy () {},
      end () {},
      watch () {},
      release () {},
      write () { if (++writes === failsAt) throw broken }
    } as unknown as Writer
    const host = { recheck: undefined, commit () { connection.opened(writer) }, refuse: fail, ended (summary: EndSummary) { ended.push(summary) }, stillRunning () {}, misheard () {} }
    const connection = new Connection(host, streams.optionsOf(undefined).stream, streams.toolsFor(1_000), undefined, EVENTS_FORM)
    connection.start(feed.subscribe(), undefined)
    return ended
  }
  const quiet = open(Infinity)
  // the first write is that of the opening, the second of an event, or of a heartbeat
  const first = open(1)
  const atEvent = open(2)
  t.strictSame([quiet.length, first.length, atEvent.length], [0, 1, 0])
  feed.publish({ event: 'message', data: 1 })
  await turn()
  const atBeat = open(2)
  clock.advance(2_000)
  for (const [summary] of [first, atEvent, atBeat]) t.match(summary, { reason: 'failed', error: broken })
  t.strictSame([quiet.length, feed.stats().streams], [0, 1])
})

t.test('distinct intervals of heartbeats hold memory while a stream has them, and few afterwards', async (t) => {
  const streams = new Streams(readSettings({}), undefined as never, () => {})
  t.equal(streams.toolsFor(15_000), streams.toolsFor(15_000))
  const first = streams.toolsFor(1_000)
  for (let interval = 1_001; interval < 2_000; interval++) streams.toolsFor(interval)
  t.not(streams.toolsFor(1_000), first, 'nobody had it')
  const beating = { rosterPlace: -1, heartbeatSlice: -1, lastWriteSlice: 0, beat: () => {} }
  const held = streams.toolsFor(3_000)
  held.heartbeats?.add(beating)
  const common = streams.toolsFor(15_000)
  for (let interval = 4_000; interval < 5_000; interval++) streams.toolsFor(interval)
  t.equal(streams.toolsFor(3_000), held, 'a stream has it')
  t.equal(streams.toolsFor(15_000), common, 'the plugin has it')
  held.heartbeats?.drop(beating)
  streams.close()
})
