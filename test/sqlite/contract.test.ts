/** Logs in SQLite fulfil the contract: in a worker thread, and on the thread of the application. */
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { EventLog } from '../../lib/log/contract.ts'
import type { Retention } from '../../lib/log/retention.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { logClaims, type LogUnderTest } from '../../lib/testing/log.ts'
import { ManualClock } from '../clock.ts'
import { laterBy } from '../contract/references.ts'
import { folderFor, handles, openDatabase, skip, sqliteError, type Handles } from './database.ts'

// each claim opens and closes files, with a sync at each commit: half a minute where the disk is busy
t.setTimeout(300_000)

/** Where a log is, and who has it. */
interface Made { readonly file: string, readonly retain: Partial<Retention>, readonly process: Handles | undefined }

t.test('a file, in a worker thread', { skip }, async (t) => {
  const folder = folderFor(t)
  const clock = new ManualClock()
  const made = new Map<EventLog, Made>()
  let files = 0
  const log = (at: Made): EventLog => {
    const log = sqliteLogs({ file: at.file, retain: at.retain, clock })('feed')
    made.set(log, at)
    return log
  }
  const another = (known: EventLog): EventLog => log(placeOf(made, known))
  runAll(t, {
    clock,
    make: (retain) => log({ file: join(folder, `${files++}.db`), retain, process: undefined }),
    reopen: another,
    rival: another,
    ahead: (position) => laterBy(position, 1),
    // as another program that writes to the database
    holdCommits: (held) => {
      const other = openDatabase(placeOf(made, held).file)
      other.exec('BEGIN IMMEDIATE')
      return () => { other.close() }
    }
  })
})

t.test('a handle, on the thread of the application', { skip }, async (t) => {
  const folder = folderFor(t)
  const clock = new ManualClock()
  const made = new Map<EventLog, Made>()
  let files = 0
  const log = (at: Omit<Made, 'process'>): EventLog => {
    const process = handles()
    const log = sqliteLogs({ database: process.open(at.file), retain: at.retain, clock })('feed')
    made.set(log, { ...at, process })
    return log
  }
  const another = (known: EventLog): EventLog => log(placeOf(made, known))
  runAll(t, {
    clock,
    make: (retain) => log({ file: join(folder, `${files++}.db`), retain }),
    reopen: another,
    rival: another,
    kill: (killed) => {
      const place = placeOf(made, killed)
      place.process?.die()
      forgetInProcess(place.file)
      return another(killed)
    },
    failNext: (log) => { placeOf(made, log).process?.failures.push(sqliteError('BUSY')) },
    ahead: (position) => laterBy(position, 1)
  })
  t.teardown(() => { for (const { process } of made.values()) process?.die() })
})

function runAll (t: Test, under: LogUnderTest): void {
  for (const claim of logClaims) {
    t.test(claim.name, { skip: claim.notApplicable(under) }, async () => { await claim.run(under) })
  }
}

function placeOf (made: ReadonlyMap<EventLog, Made>, log: EventLog): Made {
  const place = made.get(log)
  if (place === undefined) throw new Error('it was not made here')
  return place
}

/** A process that dies takes what it knows with it. */
function forgetInProcess (file: string): void {
  const files: unknown = Reflect.get(globalThis, Symbol.for('fastify-eventfeed.sqlite.files'))
  if (files instanceof Set) files.delete(realpathSync(file))
}
