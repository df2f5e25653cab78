/**
 * What a log in SQLite costs: `npm run build && node bench/sqlite.mjs [workload …]`. Each workload runs in a process of its own,
 * in plain JavaScript, as in an application.
 *
 * - `publish`: events a second, 100 in a tick, against bare batched inserts by the same driver on the same disk, in turns; both
 *   remove the oldest entries, and both wait for the disk
 * - `delay`: the event loop's delay while 5,000 events a second are published, also where each sync takes 15 ms longer
 * - `cold`: from the start of a process to the first event of its first client, with a million entries in the file
 * - `replay`: how many rows are read for 100 clients that replay 100,000 entries at once, against one client
 * - `cpu`: CPU time for each event delivered to 10,000 streams, against the log in memory
 */
import Fastify from 'fastify'
import eventfeed from 'fastify-eventfeed'
import { sqliteLogs } from 'fastify-eventfeed/sqlite'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const SELF = fileURLToPath(import.meta.url)
// not in /tmp, which may be memory
const folder = process.env.BENCH_FOLDER ?? mkdtempSync(join(process.cwd(), 'bench-sqlite-'))
const json = JSON.stringify({ from: 'ada', text: 'x'.repeat(100) })
const NOBODY = { entries () {}, lost () {}, ended () {} }
const Driver = process.getBuiltinModule?.('node:sqlite')?.DatabaseSync ?? createRequire(import.meta.url)('better-sqlite3')
let files = 0
const newFile = () => join(folder, `feeds.db${files++}`)
const draft = () => ({ event: 'said', json, keys: [], at: Date.now() })
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

async function publish () {
  const [ticks, perTick, kept] = [500, 100, 10_000]
  const bare = () => {
    const database = new Driver(newFile())
    database.exec('PRAGMA journal_mode = WAL')
    database.exec('PRAGMA synchronous = FULL')
    database.exec('CREATE TABLE entries (id INTEGER PRIMARY KEY, event TEXT, json TEXT, at REAL)')
    const [add, remove] = [database.prepare('INSERT INTO entries VALUES (?, ?, ?, ?)'), database.prepare('DELETE FROM entries WHERE id <= ?')]
    const start = performance.now()
    for (let tick = 0, id = 0; tick < ticks; tick++) {
      database.exec('BEGIN IMMEDIATE')
      for (let count = 0; count < perTick; count++) add.run(++id, 'said', json, Date.now())
      remove.run(id - kept)
      database.exec('COMMIT')
    }
    const rate = ticks * perTick / (performance.now() - start) * 1000
    database.close()
    return rate
  }
  const ours = async (options) => {
    const log = sqliteLogs({ ...options, retain: { entries: kept } })('chat')
    await log.tail(NOBODY, { entries: 0, bytes: 0 })
    const start = performance.now()
    for (let tick = 0; tick < ticks; tick++) await Promise.all(Array.from({ length: perTick }, () => log.append(draft())))
    const rate = ticks * perTick / (performance.now() - start) * 1000
    await log.close()
    return rate
  }
  const handle = async () => {
    const database = new Driver(newFile())
    database.exec('PRAGMA journal_mode = WAL')
    const rate = await ours({ database })
    database.close()
    return rate
  }
  const rounds = []
  for (let round = 0; round < 7; round++) rounds.push({ bare: bare(), file: await ours({ file: newFile() }), handle: await handle() })
  const rate = Math.round(median(rounds.map(({ bare }) => bare)))
  const share = (name) => median(rounds.map((round) => round[name] / round.bare)).toFixed(2)
  console.log(`publish: bare ${rate} events/s; a file ${share('file')} of that, a handle ${share('handle')} (medians of ${rounds.length} rounds)`)
}

async function delay () {
  const log = sqliteLogs({ file: newFile(), retain: { entries: 10_000 } })('chat')
  await log.tail(NOBODY, { entries: 0, bytes: 0 })
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  let [published, acknowledged, longest] = [0, 0, 0]
  await setTimeout(500)
  histogram.enable()
  const start = performance.now()
  while (performance.now() - start < 8000) {
    for (const due = (performance.now() - start) * 5; published < due; published++) {
      const at = performance.now()
      log.append(draft()).then(() => {
        acknowledged++
        longest = Math.max(longest, performance.now() - at)
      })
    }
    await setTimeout(1)
  }
  histogram.disable()
  // the timer of the histogram itself takes a millisecond
  const ms = (percentile) => (histogram.percentile(percentile) / 1e6).toFixed(1)
  console.log(`delay${process.env.EVENTFEED_SYNC_DELAY ? ', each sync 15 ms longer' : ''}: ${Math.round(acknowledged / 8)} events/s acknowledged, event loop p50 ${ms(50)} ms, p99 ${ms(99)} ms; longest publish ${longest.toFixed(0)} ms`)
  await log.close()
}

/** A server with a feed, and a route that streams all of it. */
async function serve (log, from) {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(eventfeed, { drainTimeoutMs: 100, maxConnections: 20_000 })
  const feed = app.feed('chat', { log })
  app.get('/chat', (_request, reply) => reply.sse(feed.subscribe({ from })))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, feed, port: app.server.address().port }
}

async function fill (file, count) {
  const log = sqliteLogs({ file, synchronous: 'NORMAL', retain: { entries: count, bytes: Infinity } })('chat')
  await log.tail(NOBODY, { entries: 0, bytes: 0 })
  for (let done = 0; done < count; done += 10_000) await Promise.all(Array.from({ length: 10_000 }, () => log.append(draft())))
  await log.close()
}

async function cold () {
  const file = newFile()
  await fill(file, 1_000_000)
  const times = []
  for (let round = 0; round < 5; round++) {
    const start = performance.now()
    const server = spawn(process.execPath, ['--no-warnings', SELF, 'cold-server', file], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, BENCH_FOLDER: folder } })
    const [line] = await once(server.stdout, 'data')
    const { body } = await fetch(`http://127.0.0.1:${String(line).trim()}/chat`, { headers: { accept: 'text/event-stream' } })
    for await (const bytes of body) if (Buffer.from(bytes).includes('data: {"from"')) break
    times.push(performance.now() - start)
    server.kill('SIGKILL')
    await once(server, 'close')
  }
  console.log(`cold: ${Math.round(median(times))} ms (${times.map(Math.round).join(', ')}) from the start of the process to the first event of the first client, a million entries stored`)
}

async function coldServer (file) {
  const { port } = await serve(sqliteLogs({ file, retain: { entries: 1_000_000, bytes: Infinity } })('chat'), { last: 100 })
  console.log(port)
}

async function replay () {
  const count = 100_000
  const file = newFile()
  await fill(file, count)
  const read = async (clients) => {
    const log = sqliteLogs({ file, retain: { entries: count, bytes: Infinity } })('chat')
    let rows = 0
    const page = log.page.bind(log)
    log.page = async (after, limit) => {
      const answer = await page(after, limit)
      if (answer.kind === 'page') rows += answer.entries.length
      return answer
    }
    const { app, port } = await serve(log, 'earliest')
    const start = performance.now()
    // in a process of their own, or they would take the server's time
    const readers = spawn(process.execPath, [SELF, 'replay-clients', `${port}`, `${clients}`, `${count * (json.length + 20)}`], { stdio: 'inherit', env: { ...process.env, BENCH_FOLDER: folder } })
    await once(readers, 'close')
    const ms = performance.now() - start
    await app.close()
    return { rows, ms }
  }
  const [one, all] = [await read(1), await read(100)]
  console.log(`replay: one client reads ${one.rows} rows in ${Math.round(one.ms)} ms; 100 clients at once ${all.rows} rows (${(all.rows / one.rows).toFixed(2)} ×) in ${Math.round(all.ms)} ms`)
}

async function cpu () {
  const streams = Number(process.env.BENCH_STREAMS ?? 10_000)
  const measure = async (log) => {
    const { app, feed, port } = await serve(log, 'latest')
    const clients = spawn(process.execPath, [SELF, 'cpu-clients', `${port}`, `${streams}`], { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, BENCH_FOLDER: folder } })
    await once(clients.stdout, 'data')
    const events = 20
    const before = process.cpuUsage()
    for (let event = 0; event < events; event++) {
      await feed.publish({ event: 'said', data: { from: 'ada', text: 'x'.repeat(100) } })
      // each is delivered before the next: events that leave together cost less
      await setTimeout(300)
    }
    await setTimeout(1000)
    const { user, system } = process.cpuUsage(before)
    clients.kill('SIGKILL')
    await once(clients, 'close')
    await app.close()
    return (user + system) / (events * streams)
  }
  const rounds = []
  for (let round = 0; round < 3; round++) {
    rounds.push({ memory: await measure(undefined), sqlite: await measure(sqliteLogs({ file: newFile() })('chat')) })
  }
  const ratios = rounds.map(({ memory, sqlite }) => sqlite / memory)
  console.log(`cpu, ${streams} streams: ${median(rounds.map(({ memory }) => memory)).toFixed(2)} µs for each event delivered from memory; SQLite ${median(ratios).toFixed(3)} × (${ratios.map((ratio) => ratio.toFixed(3)).join(', ')})`)
}

/** Opens streams and reads nothing of what comes but its bytes. */
async function cpuClients (port, count) {
  for (let open = 0; open < count; open += 100) {
    await Promise.all(Array.from({ length: 100 }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.write('GET /chat HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n')
      await once(socket, 'data')
      socket.resume()
    }))
    await setImmediate()
  }
  console.log('open')
}

/** Opens streams at once, and reads that many bytes of each: every event has its data, and a little around it. */
async function replayClients (port, count, bytes) {
  await Promise.all(Array.from({ length: count }, async () => {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /chat HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n')
    let seen = 0
    for await (const chunk of socket) if ((seen += chunk.length) >= bytes) break
  }))
}

const WORKLOADS = { publish, delay, cold, replay, cpu }
const [, , name, ...rest] = process.argv

/** Runs a workload in a process of its own. */
async function runAlone (workload, env = {}) {
  const child = spawn(process.execPath, ['--no-warnings', SELF, workload, 'alone'], { stdio: 'inherit', env: { ...process.env, BENCH_FOLDER: folder, ...env } })
  await once(child, 'close')
}

if (name === 'cold-server') await coldServer(rest[0])
else if (name === 'cpu-clients') await cpuClients(Number(rest[0]), Number(rest[1]))
else if (name === 'replay-clients') await replayClients(Number(rest[0]), Number(rest[1]), Number(rest[2]))
else if (rest[0] === 'alone') await WORKLOADS[name]()
else {
  try {
    for (const workload of name === undefined ? Object.keys(WORKLOADS) : [name, ...rest]) {
      await runAlone(workload)
      if (workload !== 'delay') continue
      const library = join(folder, 'hold-sync.so')
      execFileSync('cc', ['-shared', '-fPIC', '-o', library, join(import.meta.dirname, '../test/sqlite/hold-sync.c'), '-ldl'])
      const condition = join(folder, 'held')
      writeFileSync(condition, '')
      await runAlone('delay', { LD_PRELOAD: library, EVENTFEED_SYNC_IF: condition, EVENTFEED_SYNC_DELAY: '15' })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
