/** Which files a log in SQLite opens, and what it says of the others. */
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { EventLog } from '../../lib/log/contract.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { Program } from '../programs.ts'
import { folderFor, openDatabase, openReadOnly, row, skip } from './database.ts'
import { allOf, append, Heard, numbers, opened } from './listener.ts'
import { LogProcess } from './log-process.ts'

// processes and worker threads are started, where others do their best to keep the machine busy
t.setTimeout(300_000)

const unshare = new Program('unshare', 'util-linux')

/** A log in a file, which is closed after the test. */
function logIn (t: Test, file: string): EventLog {
  const log = sqliteLogs({ file })('chat')
  t.teardown(() => log.close())
  return log
}

/** A closed file with some entries. */
async function fileWith (t: Test, data: readonly unknown[]): Promise<string> {
  const file = join(folderFor(t), 'feeds.db')
  const log = await opened(logIn(t, file))
  for (const one of data) await append(log, one)
  await log.close()
  return file
}

t.test('files that cannot be used are refused with a reason, and trying again does not help', { skip }, async (t) => {
  const folder = folderFor(t)
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('text.db'), 'this is no database, but long enough to be looked at as one; '.repeat(20))
  mkdirSync(path('folder.db'))
  const foreign = openDatabase(path('foreign.db'))
  foreign.exec('CREATE TABLE users (name TEXT)')
  foreign.close()
  const before = readFileSync(path('foreign.db'))
  const damaged = await fileWith(t, numbers(5))
  truncateSync(damaged, 10_000)
  const newer = await fileWith(t, [1])
  const database = openDatabase(newer)
  database.exec('UPDATE eventfeed_format SET number = 2')
  database.close()

  const cases: Array<[what: string, file: string, message: RegExp]> = [
    ['no database', path('text.db'), /no SQLite database, or damaged/],
    ['a folder', path('folder.db'), /no ordinary file/],
    ['a database of another program', path('foreign.db'), /of another program/],
    ['a file that was cut off', damaged, /damaged/],
    ['a file of a newer format', newer, /format 2.*knows only 1/],
    ['a file in a folder that is not there', path('nowhere/feeds.db'), /folder must exist/]
  ]
  for (const [what, file, message] of cases) {
    const error = await new Heard().follow(logIn(t, file)).catch((error: unknown) => error)
    t.match(error, { code: 'FST_EVENTFEED_LOG_UNUSABLE', message }, what)
    t.not(Reflect.get(Object(error), 'retryable'), true)
  }
  t.strictSame(readFileSync(path('foreign.db')), before, 'nothing of another program is changed')
  t.notOk(existsSync(path('foreign.db-wal')))
})

t.test('a log on a file system that can only be read is refused', { skip: skip || unshare.skip }, async (t) => {
  const file = await fileWith(t, [1])
  const disk = join(folderFor(t), 'disk')
  mkdirSync(disk)
  const root = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']
  const within = [unshare.path, ...root, 'sh', '-c',
    'mount -t tmpfs none "$0" && cp "$1" "$0" && mount -o remount,ro "$0" && shift && exec "$@"', disk, file]
  const log = new LogProcess({ file: join(disk, 'feeds.db'), within })
  t.teardown(() => log.kill())
  t.match(await log.ask({ open: true }, 'refused'), { code: 'FST_EVENTFEED_LOG_UNUSABLE', retryable: false })
})

t.test('a handle that can only be read is refused', { skip }, async (t) => {
  const file = await fileWith(t, [1])
  const database = openReadOnly(file)
  t.teardown(() => { database.close() })
  const log = sqliteLogs({ database })('another')
  await t.rejects(new Heard().follow(log), { code: 'FST_EVENTFEED_LOG_UNUSABLE', message: /can only be read/ })
  await log.close()
})

t.test('a second process is refused while the first one lives, and opens the file when it was killed; readers may look', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const [first, second] = [new LogProcess({ file }), new LogProcess({ file })]
  t.teardown(async () => { await Promise.all([first.kill(), second.kill()]) })
  await first.ask({ open: true }, 'opened')
  first.send({ append: 1 })
  await first.until((line) => 'acknowledged' in line)
  t.match(await second.ask({ open: true }, 'refused'), { code: 'FST_EVENTFEED_LOG_UNUSABLE', message: /in use by another process/ })
  const reader = openDatabase(file)
  t.match(row(reader, 'SELECT event, json FROM eventfeed_entries'), { event: 'said', json: '1' })
  reader.close()
  first.send({ append: 2 })
  await first.until((line) => line['acknowledged'] === 2)
  await first.kill()
  await second.ask({ open: true }, 'opened')
  t.strictSame((await second.ask({ all: true }, 'all'))['all'], [1, 2])
  t.equal(await second.end(), 0)
})

t.test('a file is not opened twice in one process, by whichever name, and neither is a log', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const logs = sqliteLogs({ file })
  const log = logs('chat')
  t.teardown(() => log.close())
  await opened(log)
  const again = join(file, '..', '.', 'feeds.db')
  await t.rejects(new Heard().follow(sqliteLogs({ file: again })('chat')), { code: 'FST_EVENTFEED_LOG_UNUSABLE' }, 'by file')
  const database = openDatabase(file)
  t.teardown(() => { database.close() })
  await t.rejects(new Heard().follow(sqliteLogs({ database })('chat')), { code: 'FST_EVENTFEED_LOG_UNUSABLE' }, 'by handle')
  await t.rejects(new Heard().follow(logs('chat')), { code: 'FST_EVENTFEED_LOG_UNUSABLE', message: /open already/ }, 'the same log')
  await append(log, 1)
})

t.test('a file that is restored from an older copy is of another epoch for all who have seen more', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const first = await opened(logIn(t, file))
  const common = await append(first, 'common')
  const reader = openDatabase(file)
  reader.exec(`VACUUM INTO '${file}.backup'`)
  reader.close()
  // by the same opening, whose tag the copy knows
  const lost = await append(first, 'lost')
  await first.close()
  const second = await opened(logIn(t, file))
  const alsoLost = await append(second, 'also lost')
  await second.close()

  copyFileSync(`${file}.backup`, file)
  const heard = new Heard()
  const log = logIn(t, file)
  await heard.follow(log)
  t.strictSame(heard.list, ['common'])
  t.match(await log.locate(common), { kind: 'found' })
  for (const position of [lost, alsoLost]) t.match(await log.locate(position), { kind: 'gap', reason: 'epoch' }, position)
  const added = [await append(log, 'new'), await append(log, 'newer')]
  for (const position of [lost, alsoLost]) {
    t.notOk(added.includes(position), 'no position is given again')
    t.match(await log.locate(position), { kind: 'gap', reason: 'epoch', oldest: common }, 'also when the log is longer than it was')
  }
})

t.test('entries that a loss of power has taken are of another epoch, from the first one on', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const log = await opened(logIn(t, file))
  // what the disk has when the power goes, under synchronous: NORMAL: no entry of the log that was just made
  const folder = `${file}-disk`
  mkdirSync(folder)
  for (const end of ['', '-wal']) cpSync(`${file}${end}`, join(folder, `feeds.db${end}`))
  const before = (await log.earliest()).before
  const lost = await append(log, 'lost')
  await log.close()
  const after = await opened(logIn(t, join(folder, 'feeds.db')))
  t.match(await after.locate(before), { kind: 'found' }, 'who has seen nothing has missed nothing')
  t.not(await append(after, 'new'), lost)
  t.match(await after.locate(lost), { kind: 'gap', reason: 'epoch' })
})

t.test('a file that is replaced while it is open is opened again, and the tail says that it has lost its place', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const log = logIn(t, file)
  const heard = new Heard()
  await heard.follow(log)
  const seen = await append(log, 1)
  renameSync(file, `${file}.moved`)
  await t.rejects(append(log, 2), { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true, message: /replaced/ })
  await append(log, 3)
  t.strictSame(heard.list, [1, `lost ${seen}`, 3])
  t.strictSame(await allOf(log), [3])
  t.match(await log.locate(seen), { kind: 'gap', reason: 'epoch' })
})

t.test('a worker thread that dies fails what is under way, and the next call begins another one', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const log = logIn(t, file)
  const heard = new Heard()
  const terminated = new Promise<() => Promise<number>>((resolve) => {
    process.once('worker', (worker) => { resolve(() => worker.terminate()) })
  })
  await heard.follow(log)
  await append(log, 1)
  await (await terminated)()
  await append(log, 2).catch((error: unknown) => t.match(error, { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true }))
  await append(log, 3)
  t.strictSame(heard.list.filter((data) => data !== 2), [1, 3], 'nothing was lost, so nobody has to look')
  t.strictSame((await allOf(log)).filter((data) => data !== 2), [1, 3])
})
