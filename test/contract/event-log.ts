/** The suite that every log passes: the contract of `lib/log/event-log.ts`, claim by claim. */
import type { Test } from 'tap'
import type { Draft, Entry } from '../../lib/log/entry.ts'
import type { EventLog, Hole, Place } from '../../lib/log/event-log.ts'
import type { Retention } from '../../lib/log/retention.ts'
import { ManualClock } from '../clock.ts'

/** What is to be tested. */
export interface LogUnderTest {
  /** A new log, empty, with these bounds and this clock. */
  make (retain: Partial<Retention>, clock: ManualClock): EventLog
  /** Another position of the same log: `by` entries further. */
  moved (position: string, by: number): string
  /** Texts that are nearly this position, but none of this kind of log. */
  malformed (position: string): string[]
  /** Positions of this kind of log, but of another one. */
  elsewhere (position: string): string[]
  /** Makes the next append fail; absent for a log whose appends can not. */
  failNext? (log: EventLog): void
}

const PAGE = 4

/** Runs the suite. */
export function testEventLog (t: Test, under: LogUnderTest): void {
  /** Makes a log that is closed behind the test. */
  const logOf = (t: Test, retain: Partial<Retention> = {}): { log: EventLog, clock: ManualClock, append: (data: unknown) => Promise<Entry> } => {
    const clock = new ManualClock()
    const log = under.make(retain, clock)
    t.teardown(() => log.close())
    return { log, clock, append: async (data) => log.append(draftOf(data, clock)) }
  }

  t.test('appends that are made without waiting keep their order', async (t) => {
    const { log, append } = logOf(t)
    const entries = await Promise.all(numbers(20).map(append))
    t.strictSame(entries.map(({ json }) => json), numbers(20).map(String))
    t.strictSame((await readAll(log)).map(({ json }) => json), numbers(20).map(String))
    t.equal(new Set(entries.map(({ position }) => position)).size, 20, 'no position is given twice')
  })

  t.test('an entry is kept, and stands in the window, when append has returned', async (t) => {
    const { log, append } = logOf(t)
    for (const number of numbers(9)) {
      const entry = await append(number)
      t.equal(log.window.at(entry.index), entry)
      t.equal(entry.index, log.window.next - 1)
      t.strictSame(await log.locate(entry.position), { kind: 'window', index: log.window.next })
    }
  })

  t.test('an entry is what was given', async (t) => {
    const { log, clock } = logOf(t)
    const entry = await log.append({ event: 'said', json: '{"a":[1]}', key: 'ada', at: clock.now() })
    t.match(entry, { event: 'said', json: '{"a":[1]}', key: 'ada', at: clock.now() })
    t.match(entry.view, { id: entry.position, event: 'said', data: { a: [1] }, key: 'ada', at: clock.now() })
  })

  t.test('positions are fit for an event ID, and for a list of them', async (t) => {
    const { log, append } = logOf(t)
    for (const position of [(await log.earliest()).before, (await append(1)).position]) {
      t.match(position, /^[^~\r\n\0,=][^\r\n\0,=]*$/)
    }
  })

  t.test('the tail hears of each entry once, in order, when it stands in the window', async (t) => {
    const { log, append } = logOf(t)
    await append('before')
    const heard: Entry[] = []
    const stop = log.tail((entry) => {
      heard.push(entry)
      t.equal(log.window.at(entry.index), entry, 'it stands there already')
    })
    const entries = await Promise.all(numbers(10).map(append))
    t.strictSame(heard.map(({ position }) => position), entries.map(({ position }) => position))
    stop()
    stop()
    await append('after')
    t.equal(heard.length, 10, 'nothing is heard after the tail has ended')
  })

  t.test('one tail that ends leaves the others', async (t) => {
    const { log, append } = logOf(t)
    let heard = 0
    const stop = log.tail(() => { heard += 100 })
    log.tail(() => { heard++ })
    stop()
    await append(1)
    t.equal(heard, 1)
  })

  t.test('an empty log begins at its head', async (t) => {
    const { log } = logOf(t)
    const { start, before } = await log.earliest()
    t.strictSame(start, { kind: 'window', index: log.window.next })
    t.strictSame(await log.locate(before), start, 'the position before the first entry is caught up')
    t.equal(log.window.positionBefore(log.window.next), before)
    t.equal(log.window.size, 0)
  })

  t.test('every position that is kept goes on at the entry behind it', async (t) => {
    const { log, append } = logOf(t)
    const { before } = await log.earliest()
    const entries = await Promise.all(numbers(12).map(append))
    const positions = [before, ...entries.map(({ position }) => position)]
    for (const [index, position] of positions.entries()) {
      const read = await readFrom(log, await log.locate(position))
      t.strictSame(read.map(({ json }) => json), numbers(12).slice(index).map(String), `from ${index}`)
    }
  })

  t.test('exactly at the head is caught up, one further is ahead', async (t) => {
    const { log, append } = logOf(t)
    for (const appended of [undefined, 1, 2]) {
      const position = appended === undefined ? (await log.earliest()).before : (await append(appended)).position
      t.strictSame(await log.locate(position), { kind: 'window', index: log.window.next })
      for (const by of [1, 2, 1000]) t.match(await log.locate(under.moved(position, by)), { kind: 'gap', reason: 'ahead' })
    }
  })

  t.test('a position is trimmed when the entry behind it is not kept any more', async (t) => {
    const { log, append } = logOf(t, { entries: 5 })
    const positions = [(await log.earliest()).before, ...(await Promise.all(numbers(8).map(append))).map(({ position }) => position)]
    for (const [index, position] of positions.entries()) {
      const place = await log.locate(position)
      if (index < 3) t.match(place, { kind: 'gap', reason: 'trimmed' }, `behind ${index}`)
      else t.not(place.kind, 'gap', `behind ${index}`)
    }
  })

  t.test('a hole says what is kept, and where to go on', async (t) => {
    const { log, append } = logOf(t, { entries: 5 })
    const entries = await Promise.all(numbers(8).map(append))
    const [first = entries[0], fourth] = [entries[0], entries[3]]
    for (const position of [first?.position ?? '', under.moved(entries[7]?.position ?? '', 1), 'no position', ...under.elsewhere(first?.position ?? '')]) {
      const hole = await log.locate(position)
      if (hole.kind !== 'gap') return t.fail(`${position} is a gap`)
      t.equal(hole.oldest, fourth?.position)
      t.strictSame((await readFrom(log, hole.start)).map(({ json }) => json), ['4', '5', '6', '7', '8'])
      t.strictSame(await log.locate(hole.before), hole.start, 'who comes back with the position before it goes on there, without a gap')
    }
  })

  t.test('a hole of an empty log names no oldest entry', async (t) => {
    const { log } = logOf(t)
    t.match(await log.locate('no position'), { kind: 'gap', reason: 'malformed', oldest: null, start: { kind: 'window', index: log.window.next } })
  })

  t.test('a position of another log is of another epoch', async (t) => {
    const { log, append } = logOf(t)
    const other = logOf(t)
    const { position } = await append(1)
    t.match(await log.locate((await other.append(1)).position), { kind: 'gap', reason: 'epoch' })
    for (const elsewhere of under.elsewhere(position)) t.match(await log.locate(elsewhere), { kind: 'gap', reason: 'epoch' }, elsewhere)
  })

  t.test('what is no position is malformed', async (t) => {
    const { log, append } = logOf(t)
    const { position } = await append(1)
    const texts = ['', ' ', '-', '0', 'null', '~done', `~done.${position}`, `${position} `, ` ${position}`, `${position}\n`, `${position}\0`,
      `${position},${position}`, `chat=${position}`, '\u{1f600}', '9'.repeat(100_000), `${position}${'0'.repeat(30)}`, ...under.malformed(position)]
    for (const text of texts) t.match(await log.locate(text), { kind: 'gap', reason: 'malformed' }, JSON.stringify(text.slice(0, 40)))
    t.equal((await log.locate(position)).kind, 'window', 'and the position itself is found')
  })

  t.test('pages lead from the earliest entry to the window, none longer than was asked for', async (t) => {
    for (const limit of [1, 2, PAGE, 1000]) {
      const { log, append } = logOf(t)
      await Promise.all(numbers(13).map(append))
      t.strictSame((await readAll(log, limit)).map(({ json }) => json), numbers(13).map(String), `pages of ${limit}`)
    }
  })

  t.test('a page after a position that is not kept is a hole', async (t) => {
    const { log, append } = logOf(t, { entries: 5 })
    const [first] = await Promise.all(numbers(8).map(append))
    const { entries, next } = await log.page(first?.position ?? '', PAGE)
    t.match({ entries, next }, { entries: [], next: { kind: 'gap', reason: 'trimmed' } })
  })

  t.test('bound by count: as many stay as the bound says, no fewer', async (t) => {
    for (const entries of [1, 2, 7]) {
      const { log, append } = logOf(t, { entries })
      await Promise.all(numbers(entries).map(append))
      t.equal((await readAll(log)).length, entries, 'at the bound')
      await append('one more')
      t.strictSame((await readAll(log)).map(({ json }) => json), [...numbers(entries).slice(1).map(String), '"one more"'], 'one over it')
    }
  })

  t.test('bound by bytes: exactly at the bound all stay, one byte less and the oldest leaves', async (t) => {
    const sizes = await Promise.all(['a', 'bb', 'é'].map(async (data) => (await logOf(t).append(data)).size))
    const sum = sizes.reduce((total, size) => total + size, 0)
    for (const [bytes, kept] of [[sum, 3], [sum - 1, 2]] as const) {
      const { log, append } = logOf(t, { bytes })
      for (const data of ['a', 'bb', 'é']) await append(data)
      t.equal((await readAll(log)).length, kept, `${bytes} of ${sum} bytes`)
    }
  })

  t.test('bound by bytes: the newest entry stays, however large it is', async (t) => {
    const { log, append } = logOf(t, { bytes: 10 })
    await append('small')
    const { position } = await append('x'.repeat(1000))
    t.strictSame((await readAll(log)).map((entry) => entry.position), [position])
    await append('y'.repeat(1000))
    t.equal((await readAll(log)).length, 1)
  })

  t.test('bound by age: exactly that old it stays, a millisecond older it leaves', async (t) => {
    const { log, append, clock } = logOf(t, { ageMs: 100 })
    const { position: first } = await append('old')
    clock.advance(60)
    const { position: second } = await append('young')
    clock.advance(40)
    t.equal((await readAll(log)).length, 2, '100 ms')
    clock.advance(1)
    t.strictSame((await readAll(log)).map(({ position }) => position), [second], '101 ms')
    t.equal((await log.locate(first)).kind, 'window', 'who has seen the one that left has missed nothing')
    clock.advance(1000)
    t.strictSame(await readAll(log), [], 'age spares no entry, not the newest either')
    t.strictSame(await log.locate(second), { kind: 'window', index: log.window.next }, 'who has seen all is caught up')
    t.match(await log.locate(first), { kind: 'gap', reason: 'trimmed', oldest: null })
  })

  t.test('positions go on after all entries have left', async (t) => {
    const { log, append, clock } = logOf(t, { ageMs: 100 })
    const { position: first } = await append('old')
    clock.advance(1000)
    const { position } = await append('new')
    t.equal(position, under.moved(first, 1))
    t.strictSame((await readFrom(log, await log.locate(first))).map(({ json }) => json), ['"new"'])
  })

  if (under.failNext !== undefined) {
    t.test('an append that fails adds nothing, and may be given again', async (t) => {
      const { log, append } = logOf(t)
      const { position } = await append('first')
      let heard = 0
      log.tail(() => { heard++ })
      under.failNext?.(log)
      await t.rejects(append('lost'))
      t.strictSame((await readAll(log)).map(({ json }) => json), ['"first"'])
      t.equal(heard, 0)
      t.equal((await append('again')).position, under.moved(position, 1))
      t.strictSame((await readAll(log)).map(({ json }) => json), ['"first"', '"again"'])
    })

    t.test('appends that stand behind one that fails are added, in their order', async (t) => {
      const { log, append } = logOf(t)
      under.failNext?.(log)
      const results = await Promise.allSettled(numbers(3).map(append))
      t.strictSame(results.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled'])
      t.strictSame((await readAll(log)).map(({ json }) => json), ['2', '3'])
    })
  }

  t.test('after close nothing is held, appending fails, and a second close does nothing', async (t) => {
    const { log, append } = logOf(t)
    await append(1)
    let heard = 0
    log.tail(() => { heard++ })
    await log.close()
    t.equal(log.window.size, 0)
    t.equal(log.window.bytes, 0)
    await t.rejects(append(2))
    t.equal(heard, 0)
    await log.close()
  })
}

function draftOf (data: unknown, clock: ManualClock): Draft {
  return { event: 'message', json: JSON.stringify(data), key: undefined, at: clock.now() }
}

function numbers (count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** All that a log keeps, read as a reader from its beginning would. */
async function readAll (log: EventLog, limit = PAGE): Promise<Entry[]> {
  const { start } = await log.earliest()
  return await readFrom(log, start, limit)
}

async function readFrom (log: EventLog, start: Place | Hole, limit = PAGE): Promise<Entry[]> {
  const entries: Entry[] = []
  let place = start
  while (place.kind === 'older') {
    const page = await log.page(place.after, limit)
    if (page.entries.length > limit) throw new Error(`a page of ${page.entries.length} entries, though ${limit} were asked for`)
    if (page.entries.length === 0 && page.next.kind === 'older') throw new Error('an empty page that leads nowhere')
    entries.push(...page.entries)
    place = page.next
  }
  if (place.kind === 'gap') throw new Error(`a gap: ${place.reason}`)
  for (let index = place.index; index < log.window.next; index++) {
    const entry = log.window.at(index)
    if (entry === undefined) throw new Error(`no entry at ${index}`)
    entries.push(entry)
  }
  return entries
}
