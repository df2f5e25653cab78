/** What a log in SQLite does when the disk is slow, fails, or is full. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Program } from '../programs.ts'
import { folderFor, skip } from './database.ts'
import { compileDisk, LogProcess, type Line } from './log-process.ts'

// the processes start where others do their best to keep the machine busy
t.setTimeout(300_000)

const compiler = new Program('cc', 'gcc')
const unshare = new Program('unshare', 'util-linux')

/** A disk whose syncs are held back, or fail, once `begin` was called. */
function heldDisk (folder: string): { env: Record<string, string>, begin: () => void } {
  const condition = join(folder, 'held')
  return {
    env: { LD_PRELOAD: compileDisk(folder), EVENTFEED_SYNC_IF: condition, EVENTFEED_SYNC_GATED: '1' },
    begin: () => { writeFileSync(condition, '') }
  }
}

t.test('an acknowledgement follows the sync, and so does what streams are told', { skip: skip || compiler.skip }, async (t) => {
  const folder = folderFor(t)
  const { env, begin } = heldDisk(folder)
  const log = new LogProcess({ file: join(folder, 'feeds.db'), env })
  t.teardown(() => log.kill())
  await log.ask({ open: true }, 'opened')
  const syncBegan = new Promise<void>((resolve) => { log.onByte(resolve) })
  begin()
  const from = log.lines.length
  log.send({ append: 1 })
  await syncBegan
  await log.ask({ turn: 100 }, 'turned')
  t.strictSame(log.lines.slice(from), [{ turned: 100 }], 'the disk has not got it yet, and nobody was told')

  log.onByte(() => { log.give('1') })
  log.give('1')
  await log.until((line) => line['acknowledged'] === 1)
  t.strictSame(log.lines.slice(from), [{ turned: 100 }, { told: 1 }, { acknowledged: 1 }])
})

t.test('synchronous: NORMAL does not wait for the disk', { skip: skip || compiler.skip }, async (t) => {
  const folder = folderFor(t)
  const { env, begin } = heldDisk(folder)
  const log = new LogProcess({ file: join(folder, 'feeds.db'), synchronous: 'NORMAL', env })
  t.teardown(() => log.kill())
  await log.ask({ open: true }, 'opened')
  let syncs = 0
  log.onByte(() => { syncs++ })
  begin()
  log.send({ append: 1 })
  await log.until((line) => line['acknowledged'] === 1)
  t.equal(syncs, 0)
})

t.test('a sync that fails rejects what it held by an error that may be tried again, and the next try succeeds', { skip: skip || compiler.skip }, async (t) => {
  const folder = folderFor(t)
  const { env, begin } = heldDisk(folder)
  const log = new LogProcess({ file: join(folder, 'feeds.db'), env })
  t.teardown(() => log.kill())
  await log.ask({ open: true }, 'opened')
  log.send({ append: 1 })
  await log.until((line) => line['acknowledged'] === 1)
  let syncs = 0
  log.onByte(() => { log.give(syncs++ === 0 ? '0' : '1') })
  begin()
  log.send({ append: 2 })
  const refused = await log.until((line) => 'refused' in line)
  t.match(refused, { refused: 2, code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true })
  t.notOk(log.lines.some((line) => line['told'] === 2), 'no stream has seen it')

  log.send({ append: 3 })
  t.match(await log.until((line) => line['acknowledged'] === 3 || line['refused'] === 3), { acknowledged: 3 })
  const { all } = await log.ask({ all: true }, 'all')
  // of the second nobody can say whether the disk has it
  t.ok(Array.isArray(all) && all.filter((data) => data !== 2).join() === '1,3', JSON.stringify(all))
  t.equal(await log.end(), 0, 'nothing keeps the process alive')
})

t.test('a full disk refuses what it has no room for, keeps what was acknowledged, and all goes on when there is room', { skip: skip || unshare.skip }, async (t) => {
  const folder = folderFor(t)
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  // a file system of its own, which only this process sees, and which goes with it
  const within = [unshare.path, ...(process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']),
    'sh', '-c', 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', disk]
  const log = new LogProcess({ file: join(disk, 'feeds.db'), within })
  t.teardown(() => log.kill())
  t.match(await log.ask({ open: true }, 'opened'), { opened: /-0$/ })
  const publish = async (data: unknown): Promise<Line> => {
    log.send({ append: data })
    return await log.until((line) => line['acknowledged'] === data || line['refused'] === data)
  }
  t.match(await publish(1), { acknowledged: 1 })
  t.ok(Number((await log.ask({ fill: join(disk, 'filler') }, 'filled'))['filled']) > 0)

  // what the write-ahead log can be used for again is used up first
  const texts = Array.from({ length: 60 }, (_, index) => `${index} ${'x'.repeat(20_000)}`)
  let refused: Line | undefined
  for (const text of texts) {
    const line = await publish(text)
    if ('refused' in line) refused ??= line
  }
  t.match(refused, { code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true, message: /disk is full/ })
  const acknowledged = (): unknown[] => log.lines.flatMap((line) => 'acknowledged' in line ? [line['acknowledged']] : [])
  t.strictSame((await log.ask({ all: true }, 'all'))['all'], acknowledged(), 'what was acknowledged can be read meanwhile')
  t.strictSame(log.lines.flatMap((line) => 'told' in line ? [line['told']] : []), acknowledged(), 'and only that was told')

  await log.ask({ free: join(disk, 'filler') }, 'freed')
  t.match(await publish('again'), { acknowledged: 'again' }, 'by itself, without a restart')
  await log.ask({ close: true }, 'closed')
  await log.ask({ open: true }, 'opened')
  t.strictSame((await log.ask({ all: true }, 'all'))['all'], acknowledged(), 'it is there after a restart')
  t.equal(await log.end(), 0)
})

t.test('a log opens on a full disk, or says that it cannot, and opens when there is room', { skip: skip || unshare.skip }, async (t) => {
  const folder = folderFor(t)
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  const within = [unshare.path, ...(process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount']),
    'sh', '-c', 'mount -t tmpfs -o size=2m none "$0" && exec "$@"', disk]
  const log = new LogProcess({ file: join(disk, 'feeds.db'), within })
  t.teardown(() => log.kill())
  await log.ask({ fill: join(disk, 'filler') }, 'filled')
  const from = log.lines.length
  log.send({ open: true })
  t.match(await log.until((line) => 'refused' in line || 'opened' in line, from), { refused: 'open', code: 'FST_EVENTFEED_LOG_UNAVAILABLE', retryable: true })
  await log.ask({ free: join(disk, 'filler') }, 'freed')
  t.match(await log.ask({ open: true }, 'opened'), { opened: /-0$/ })
  t.equal(await log.end(), 0)
})
