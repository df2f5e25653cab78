/** Logs on a handle of the application's: transactions, bounds, and what leaves the file. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { SQLITE_PENDING_ENTRIES, SQLITE_SWEEP_MOST_MS, SQLITE_TAGS } from '../../lib/defaults.ts'
import type { EventLog } from '../../lib/log/contract.ts'
import type { OwnDatabase } from '../../lib/sqlite/driver.ts'
import { sqliteLogs, type SqliteLogs, type SqliteLogsOptions } from '../../lib/sqlite/index.ts'
import { ManualClock } from '../clock.ts'
import { folderFor, handles, openDatabase, row, skip, sqliteError, type Handles } from './database.ts'
import { allOf, append, Heard, numbers, opened } from './listener.ts'

/** Logs in memory, and the handle that they use. */
interface Made { readonly logs: SqliteLogs, readonly database: OwnDatabase, readonly process: Handles }

function make (t: Test, options: SqliteLogsOptions = {}): Made {
  const process = handles()
  const database = process.open(':memory:')
  t.teardown(() => { process.die() })
  return { logs: sqliteLogs({ ...options, database }), database, process }
}

/** Opens a log, which is closed after the test. */
async function open (t: Test, log: EventLog): Promise<EventLog> {
  t.teardown(() => log.close())
  return await opened(log)
}

function countOf (database: OwnDatabase): unknown {
  return Number(row(database, 'SELECT count(*) AS count FROM eventfeed_entries')['count'])
}

t.test('what is appended in one tick, in any log, is one transaction', { skip }, async (t) => {
  const { logs, process } = make(t)
  const [chat, prices] = [await open(t, logs('chat')), await open(t, logs('prices'))]
  const before = process.commits
  await Promise.all(numbers(100).map((number) => append(number % 2 === 0 ? chat : prices, number)))
  t.equal(process.commits, before + 1)
  t.equal((await allOf(chat)).length + (await allOf(prices)).length, 100)
})

t.test('what waits is bounded: one more is refused by an error that may be tried again', { skip }, async (t) => {
  const { logs } = make(t, { retain: { entries: 10 } })
  const log = await open(t, logs('chat'))
  const answers = numbers(SQLITE_PENDING_ENTRIES + 1).map((number) => append(log, number))
  await t.rejects(async () => { await answers.at(-1) }, { code: 'FST_EVENTFEED_LOG_BUSY', retryable: true })
  const results = await Promise.allSettled(answers)
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, SQLITE_PENDING_ENTRIES)
  await append(log, 'again')
  t.equal((await allOf(log)).at(-1), 'again')
})

t.test('a commit that fails takes back all that it held, of all logs, and the positions too', { skip }, async (t) => {
  const { logs, process } = make(t)
  const [chat, prices] = [await open(t, logs('chat')), await open(t, logs('prices'))]
  process.failures.push(sqliteError('BUSY'))
  const results = await Promise.allSettled([append(chat, 1), append(prices, 2), chat.end()])
  for (const result of results) {
    t.match(result, { status: 'rejected', reason: { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true, message: /has it locked/ } })
  }
  t.match(await append(chat, 3), /-1$/, 'it has not ended either')
  t.strictSame([await allOf(chat), await allOf(prices)], [[3], []])
})

t.test('a full disk is tried once more, after the write-ahead log was moved into the database', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const process = handles()
  t.teardown(() => { process.die() })
  const database = process.open(file)
  database.exec('PRAGMA journal_mode = WAL')
  const log = await open(t, sqliteLogs({ database })('chat'))
  process.failures.push(sqliteError('FULL'))
  await append(log, 1)
  process.failures.push(sqliteError('FULL'), sqliteError('FULL'))
  await t.rejects(append(log, 2), { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', message: /disk is full/ })
  await append(log, 3)
  t.strictSame(await allOf(log), [1, 3])
})

t.test('a disk that fails has the tables read again: positions go on in another run', { skip }, async (t) => {
  const { logs, process } = make(t)
  const log = logs('chat')
  t.teardown(() => log.close())
  const heard = new Heard()
  await heard.follow(log)
  const first = await append(log, 1)
  process.failures.push(sqliteError('IOERR'))
  await t.rejects(append(log, 2), { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true })
  const third = await append(log, 3)
  t.strictSame(heard.list, [1, 3], 'nothing was lost')
  t.not(first.split('-')[0], third.split('-')[0])
  t.match(await log.locate(first), { kind: 'found' })
})

t.test('a database that is damaged is an error that trying again does not help', { skip }, async (t) => {
  const { logs, process } = make(t)
  const log = await open(t, logs('chat'))
  process.failures.push(sqliteError('CORRUPT'))
  const error = await append(log, 1).catch((error: unknown) => error)
  t.match(error, { code: 'FST_EVENTFEED_LOG_UNUSABLE', message: /damaged/ })
  t.not(Reflect.get(Object(error), 'retryable'), true)
})

t.test('a transaction of the application is not disturbed, and nothing is added to it', { skip }, async (t) => {
  const { logs, database } = make(t)
  database.exec('CREATE TABLE orders (number INTEGER)')
  const log = await open(t, logs('chat'))
  database.exec('BEGIN')
  database.exec('INSERT INTO orders VALUES (1)')
  await t.rejects(append(log, 1), { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true, message: /begun a transaction/ })
  await t.rejects(new Heard().follow(logs('other')), { code: 'FST_EVENTFEED_LOG_UNAVAILABLE' })
  database.exec('COMMIT')
  t.match(row(database, 'SELECT number FROM orders'), { number: 1 })
  await append(log, 2)
  t.strictSame(await allOf(log), [2])
})

t.test('a handle that the application has locked in another connection is an error that may be tried again', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const [database, other] = [openDatabase(file), openDatabase(file)]
  database.exec('PRAGMA busy_timeout = 0')
  t.teardown(() => {
    database.close()
    other.close()
  })
  const log = await open(t, sqliteLogs({ database })('chat'))
  other.exec('BEGIN IMMEDIATE')
  await t.rejects(append(log, 1), { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true, message: /has it locked/ })
  other.exec('COMMIT')
  await append(log, 2)
  t.strictSame(await allOf(log), [2])
})

t.test('on a handle of the application, a commit waits for the disk too', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  for (const [mode, synchronous, wanted] of [['WAL', 'FULL', 2], ['DELETE', 'FULL', 3], ['WAL', 'NORMAL', 1]] as const) {
    const database = openDatabase(file)
    database.prepare(`PRAGMA journal_mode = ${mode}`).get()
    const log = sqliteLogs({ database, synchronous })('chat')
    await opened(log)
    t.equal(Number(row(database, 'PRAGMA synchronous')['synchronous']), wanted, `${mode} ${synchronous}`)
    await append(log, 1)
    await log.close()
    database.close()
  }
})

t.test('what leaves the log leaves the file in the same commit: by count, and by bytes', { skip }, async (t) => {
  for (const retain of [{ entries: 10 }, { bytes: 5000, entries: 1_000_000 }]) {
    const { logs, database } = make(t, { retain })
    const log = await open(t, logs('chat'))
    for (const number of numbers(50)) {
      await append(log, number)
      t.equal(countOf(database), (await allOf(log)).length)
    }
    await Promise.all(numbers(50).map((number) => append(log, number)))
    t.equal(countOf(database), (await allOf(log)).length)
  }
})

t.test('what is too old leaves the file, though nobody calls the log', { skip }, async (t) => {
  const clock = new ManualClock()
  const { logs, database } = make(t, { retain: { ageMs: 20 * SQLITE_SWEEP_MOST_MS }, clock })
  const log = await open(t, logs('chat'))
  await append(log, 'old', clock.now())
  clock.advance(19 * SQLITE_SWEEP_MOST_MS)
  await append(log, 'young', clock.now())
  t.equal(countOf(database), 2)
  clock.advance(2 * SQLITE_SWEEP_MOST_MS)
  t.equal(countOf(database), 1)
  t.strictSame(await allOf(log), ['young'])
})

t.test('age follows a clock that nobody sets', { skip }, async (t) => {
  const clock = new ManualClock()
  const { logs } = make(t, { retain: { ageMs: 1000 }, clock })
  const log = await open(t, logs('chat'))
  await append(log, 1, clock.now())
  clock.set(1_000_000)
  t.strictSame(await allOf(log), [1], 'the wall clock was set forward')
  clock.advance(1001)
  t.strictSame(await allOf(log), [])
})

t.test('a long history is deleted in pieces, and the name is free at once, for a new epoch', { skip }, async (t) => {
  const { logs, database, process } = make(t)
  const other = await open(t, logs('other'))
  await append(other, 'stays')
  const first = await opened(logs('chat'))
  const positions = await Promise.all(numbers(9000).map((number) => append(first, number)))
  await first.delete()
  t.ok(Number(countOf(database)) > 5000, 'most of it is still in the file')
  t.strictSame(await logs.names(), [{ name: 'other', ended: false }])
  const second = await open(t, logs('chat'))
  t.strictSame(await allOf(second), [])
  t.match(await second.locate(positions.at(-1) ?? ''), { kind: 'gap', reason: 'epoch' })
  await append(second, 'new')
  const before = process.commits
  while (countOf(database) !== 2) await setImmediate()
  t.ok(process.commits > before + 2, 'in pieces')
  t.strictSame([await allOf(second), await allOf(other)], [['new'], ['stays']])
})

t.test('what a lower bound leaves out is not shown, and leaves the file later, in pieces', { skip }, async (t) => {
  const { logs, database } = make(t)
  const before = await opened(logs('chat'))
  await Promise.all(numbers(9000).map((number) => append(before, number)))
  await before.close()
  const log = await open(t, sqliteLogs({ database, retain: { entries: 3 } })('chat'))
  t.strictSame(await allOf(log), [8998, 8999, 9000])
  while (countOf(database) !== 3) await setImmediate()
})

t.test('names lists all logs, and whether each has ended', { skip }, async (t) => {
  const { logs } = make(t)
  t.strictSame(await logs.names(), [])
  const [a, b] = [await open(t, logs('a')), await open(t, logs('b'))]
  await append(a, 1)
  await b.end()
  t.strictSame(await logs.names(), [{ name: 'a', ended: false }, { name: 'b', ended: true }])
  await a.delete()
  await b.close()
  t.strictSame(await logs.names(), [{ name: 'b', ended: true }], 'also while no log is open')
})

t.test('no statement reads a whole table, so 10,000 logs cost nothing for one', { skip }, async (t) => {
  const { logs, database, process } = make(t, { retain: { entries: 5, bytes: 100_000, ageMs: 1_000_000 } })
  const log = await opened(logs('chat'))
  await Promise.all(numbers(20).map((number) => log.append({ event: 'said', json: '1', keys: ['a'], at: Date.now(), dedupeId: `${number % 7}` })))
  await allOf(log)
  await log.delete()
  const planned = [...process.statements].filter((sql) => /^(SELECT|INSERT|UPDATE|DELETE)/.test(sql) && sql.includes('eventfeed_'))
  // they read the list of all logs, a table of one row, or look for a number that millions of logs have not used up
  const whole = [/^SELECT name, is_ended FROM eventfeed_logs/, /eventfeed_format/, /^SELECT id \+ 1 AS id/]
  for (const sql of planned.filter((sql) => !whole.some((pattern) => pattern.test(sql)))) {
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...Array.from(sql.matchAll(/\?/g), () => 1))
    t.notMatch(JSON.stringify(plan), /"SCAN (?!CONSTANT)/, sql)
  }
  t.ok(planned.length > 15, `${planned.length} statements`)
})

t.test(`a log knows its last ${SQLITE_TAGS} openings`, { skip }, async (t) => {
  const { database } = make(t)
  const positions: string[] = []
  for (let opening = 0; opening < SQLITE_TAGS + 5; opening++) {
    const log = await opened(sqliteLogs({ database, retain: { entries: 1 } })('chat'))
    positions.push(await append(log, opening))
    await log.close()
  }
  const log = await open(t, sqliteLogs({ database, retain: { entries: 1 } })('chat'))
  t.match(await log.locate(positions.at(-1) ?? ''), { kind: 'found' })
  t.match(await log.locate(positions.at(-3) ?? ''), { kind: 'gap', reason: 'trimmed' })
  t.match(await log.locate(positions.at(10) ?? ''), { kind: 'gap', reason: 'trimmed' })
  t.match(await log.locate(positions[0] ?? ''), { kind: 'gap', reason: 'epoch' }, 'what is older is of some other time')
  t.strictSame(await allOf(log), [SQLITE_TAGS + 4])
})
