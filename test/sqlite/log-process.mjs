/**
 * A process with one log in SQLite, which does what it is told by lines of JSON, one after the other, and prints what comes of
 * it. Plain JavaScript, because it is started often.
 *
 *     node log-process.mjs <file> <FULL | NORMAL>
 *
 *     { "open": true }             prints { "opened": the position before what was told }
 *     { "append": data }           prints { "told": data }, then { "acknowledged": data }, or { "refused": data, "code", "retryable" };
 *                                  it is not waited for
 *     { "fill": path }             fills the disk with a file, and prints { "filled": bytes }
 *     { "free": path }             removes it, and prints { "freed": true }
 *     { "all": true }              prints { "all": [data] }, as pages have it
 *     { "close": true }            prints { "closed": true }
 *     { "turn": count }            lets the event loop turn, and prints { "turned": count }
 */
import { appendFileSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setImmediate } from 'node:timers/promises'
import { sqliteLogs } from 'fastify-eventfeed/sqlite'
import { say as sayLine } from './say.mjs'

const [, , file = '', synchronous = 'FULL'] = process.argv
const logs = sqliteLogs({ file, synchronous, retain: { entries: 1_000_000, bytes: Infinity } })
const say = (line) => { sayLine(JSON.stringify(line)) }
const refused = (what, error) => { say({ refused: what, code: error.code, retryable: error.retryable === true, message: error.message }) }
let log

async function open () {
  log = logs('feed')
  const tail = await log.tail({
    entries: (entries) => { for (const { json } of entries) say({ told: JSON.parse(json) }) },
    lost: () => { say({ lost: true }) },
    ended: () => { say({ ended: true }) }
  }, { entries: 1_000_000, bytes: Infinity })
  say({ opened: tail.before })
}

async function all () {
  const found = []
  for (let { before: after } = await log.earliest(); ;) {
    const { entries } = await log.page(after, 1000)
    if (entries.length === 0) return found
    found.push(...entries.map(({ json }) => JSON.parse(json)))
    after = entries.at(-1).position
  }
}

/** Fills what is left, in smaller and smaller pieces. */
function fill (path) {
  let filled = 0
  for (let bytes = 65_536; bytes >= 1; bytes /= 2) {
    try {
      for (;;) {
        appendFileSync(path, 'x'.repeat(bytes))
        filled += bytes
      }
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error
    }
  }
  say({ filled })
}

const actions = {
  open,
  append: (data) => {
    log.append({ event: 'said', json: JSON.stringify(data), keys: [], at: Date.now() })
      .then(() => { say({ acknowledged: data }) }, (error) => { refused(data, error) })
  },
  fill,
  free: (path) => {
    rmSync(path)
    say({ freed: true })
  },
  all: async () => { say({ all: await all() }) },
  close: async () => {
    await log.close()
    say({ closed: true })
  },
  turn: async (count) => {
    for (let turn = 0; turn < count; turn++) await setImmediate()
    say({ turned: count })
  }
}

say({ started: process.pid })
for await (const line of createInterface(process.stdin)) {
  for (const [name, argument] of Object.entries(JSON.parse(line))) {
    try {
      await actions[name](argument)
    } catch (error) {
      refused(name, error)
    }
  }
}
