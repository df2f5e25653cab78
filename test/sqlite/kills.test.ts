/** A log in SQLite whose process is killed at random keeps what it has acknowledged. Run more kills by `EVENTFEED_KILLS=200`. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { LogEntry } from '../../lib/log/contract.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { folderFor, skip } from './database.ts'

t.setTimeout(300_000)

const KILLS = Number(process.env.EVENTFEED_KILLS ?? 20)
const PUBLISHER = fileURLToPath(new URL('publisher.mjs', import.meta.url))

/** Starts the publisher and kills it. Gives what it acknowledged until then. */
async function killed (file: string): Promise<string[]> {
  const publisher = spawn(process.execPath, ['--no-warnings', PUBLISHER, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(publisher, 'close')
  const lines: string[] = []
  // when it is killed is chance, on purpose: while it opens the file, commits, or moves pages into the database
  const mayPrint = Math.floor(Math.random() * 300)
  let printed = 0
  for await (const line of createInterface(publisher.stdout)) {
    if (line !== 'open') lines.push(line)
    if (++printed > mayPrint) publisher.kill('SIGKILL')
  }
  await closed
  if (publisher.signalCode !== 'SIGKILL') throw new Error(`the publisher ended by itself: ${publisher.exitCode}`)
  return lines
}

t.test(`${KILLS} kills lose nothing that was acknowledged, double nothing, and give no position twice`, { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const acknowledged: string[] = []
  for (let kill = 0; kill < KILLS; kill++) acknowledged.push(...await killed(file))
  t.ok(acknowledged.length > 0, `${acknowledged.length} were acknowledged`)

  const kept = await allOf(file)
  const numbers = kept.map(numberOf)
  t.ok(numbers.every((number, index) => number === index + 1), 'each number is there once, in order')
  t.equal(new Set(kept.map(({ position }) => position)).size, kept.length, 'each has a position of its own')
  const lines = new Set(kept.map((entry) => `${entry.position} ${numberOf(entry)}`))
  t.strictSame(acknowledged.filter((line) => !lines.has(line)), [], 'each that was acknowledged stands at the position that was said')
  t.ok(new Set(kept.map(({ position }) => position.split('-')[0])).size > 1, 'more than one of the processes published')
})

async function allOf (file: string): Promise<LogEntry[]> {
  const log = sqliteLogs({ file, retain: { entries: 1_000_000, bytes: Infinity } })('numbers')
  const entries: LogEntry[] = []
  await log.tail({ entries: (told) => { entries.push(...told) }, lost: () => {}, ended: () => {} }, { entries: Infinity, bytes: Infinity })
  await log.close()
  return entries
}

function numberOf ({ json }: LogEntry): number {
  return JSON.parse(json).number
}
