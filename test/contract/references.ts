/** The sound reference logs, as the claims want them; faulty ones are made of them by giving other classes. */
import type { LogUnderTest } from '../../lib/testing/log.ts'
import { ManualClock } from '../clock.ts'
import { History } from './history.ts'
import { SynchronousLog } from './memory-reference.ts'
import { PagedLog } from './paged-log.ts'
import { Storage, StoredLog, diskFull } from './stored-reference.ts'

/** Another position of the same log, `by` entries later: of any log whose positions end with a number. */
export function laterBy (position: string, by: number): string {
  return position.replace(/\d+$/, (number) => String(BigInt(number) + BigInt(by)))
}

/** The log in memory that answers at once. */
export function synchronousLogs (
  { history: AnyHistory = History, log: AnyLog = SynchronousLog } = {}
): LogUnderTest<SynchronousLog> {
  const clock = new ManualClock()
  return {
    clock,
    make: (retain) => new AnyLog(new AnyHistory(retain, clock)),
    ahead: (position) => laterBy(position, 1)
  }
}

/** The log that one process has, and that outlives it. */
export function storedLogs ({ history: AnyHistory = History, log: AnyLog = StoredLog } = {}): LogUnderTest<StoredLog> {
  const another = ({ storage }: StoredLog): StoredLog => new AnyLog(storage)
  return {
    ...asynchronous(AnyHistory, AnyLog, false),
    reopen: another,
    rival: another,
    kill: (killed) => {
      killed.kill()
      return another(killed)
    }
  }
}

/** The log that several processes share. */
export function sharedLogs ({ history: AnyHistory = History, log: AnyLog = StoredLog } = {}): LogUnderTest<StoredLog> {
  const another = ({ storage }: StoredLog): StoredLog => new AnyLog(storage)
  return {
    ...asynchronous(AnyHistory, AnyLog, true),
    reopen: another,
    join: another,
    loseTail: (log) => {
      log.isCut = true
      return () => { log.lose() }
    }
  }
}

function asynchronous (
  AnyHistory: typeof History, AnyLog: typeof StoredLog, isShared: boolean
): LogUnderTest<StoredLog> {
  const clock = new ManualClock()
  return {
    clock,
    make: (retain) => new AnyLog(new Storage(new AnyHistory(retain, clock), isShared)),
    ahead: (position) => laterBy(position, 1),
    failNext: (log) => { log.failures.push(diskFull()) },
    holdCommits: (log) => {
      let release = (): void => {}
      log.gate = new Promise((resolve) => { release = resolve })
      return release
    }
  }
}

/** The log of the feed's tests: it is asynchronous throughout, and its replicas lag. */
export function pagedLogs (): LogUnderTest<PagedLog> {
  const clock = new ManualClock()
  const another = ({ store }: PagedLog): PagedLog => new PagedLog({ store, clock })
  return {
    clock,
    make: (retain) => new PagedLog({ retain, clock }),
    reopen: another,
    join: another,
    ahead: (position) => laterBy(position, 1),
    failNext: (log) => { log.failures.push(diskFull()) },
    holdCommits: (log) => {
      let release = (): void => {}
      const held = new Promise<void>((resolve) => { release = resolve })
      log.onAppend = () => held
      return release
    },
    loseTail: (log) => {
      log.holdTail()
      return () => { log.lose() }
    }
  }
}
