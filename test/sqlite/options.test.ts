/** The options of `sqliteLogs`, and what it needs. */
import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { sqliteLogs, type SqliteLogsOptions } from '../../lib/sqlite/index.ts'
import { folderFor, openDatabase, skip } from './database.ts'

const run = promisify(execFile)

t.test('wrong options are refused at once', { skip }, async (t) => {
  const database = openDatabase(':memory:')
  t.teardown(() => { database.close() })
  // what no caller with types can give
  const wrong: unknown[] = [
    undefined, null, 'feeds.db', {}, { file: undefined }, { file: 'a.db', database }, { file: '' }, { file: 7 }, { file: 'a\0b' }, { file: ':memory:' },
    { database: null }, { database: {} }, { database: 'a.db' }, { file: 'a.db', synchronous: 'OFF' }, { file: 'a.db', synchronous: 'full' },
    { file: 'a.db', retain: 5 }, { file: 'a.db', retain: { entries: 0 } }, { file: 'a.db', retain: { count: 5 } }, { file: 'a.db', path: 'b.db' }
  ]
  for (const options of wrong) t.throws(() => sqliteLogs(options as SqliteLogsOptions), { code: 'FST_EVENTFEED_BAD_OPTION' })
})

t.test('a name has 1 to 128 characters, none of which UTF-8 cannot hold', { skip }, async (t) => {
  const database = openDatabase(':memory:')
  t.teardown(() => { database.close() })
  const logs = sqliteLogs({ database })
  for (const name of ['', 'a'.repeat(129), 'a\n', '\ud800', 7, undefined]) t.throws(() => logs(name as string), { code: 'FST_EVENTFEED_BAD_OPTION' })
  for (const name of ['a', 'a'.repeat(128), 'room 7', 'Zoë 😀']) t.doesNotThrow(() => logs(name))
})

t.test('a log says what it keeps, and nothing is opened before it is used', { skip }, async (t) => {
  const folder = folderFor(t)
  const log = sqliteLogs({ file: join(folder, 'feeds.db'), retain: { entries: 5 } })('chat')
  t.match(log.retain, { entries: 5, bytes: 64 * 1024 * 1024, ageMs: Infinity })
  await log.close()
  t.strictSame(readdirSync(folder), [])
})

t.test('without a driver the error says what to install, and a process with a log that was not closed ends by itself', { skip }, async (t) => {
  const folder = folderFor(t)
  // loaded into the worker thread too, which takes no preloads of its command line
  const hides = join(folder, 'hides.cjs')
  writeFileSync(hides, `
    const Module = require('node:module')
    const resolve = Module._resolveFilename
    Module._resolveFilename = function (name, ...rest) {
      if (name === 'better-sqlite3') throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' })
      return resolve.call(this, name, ...rest)
    }
    const get = process.getBuiltinModule
    process.getBuiltinModule = (name) => name === 'node:sqlite' ? undefined : get?.(name)`)
  const program = (log: string): string => `
    import { sqliteLogs } from 'fastify-eventfeed/sqlite'
    const log = sqliteLogs({ file: ${JSON.stringify(join(folder, 'feeds.db'))} })('chat')
    const tail = () => log.tail({ entries () {}, lost () {}, ended () {} }, { entries: 1, bytes: 1 })
    ${log}`
  const outputOf = async (code: string, options = ''): Promise<string> => {
    const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '--eval', program(code)], { env: { ...process.env, NODE_OPTIONS: options } })
    return stdout
  }
  const missing = JSON.parse(await outputOf('tail().catch(({ code, message }) => console.log(JSON.stringify({ code, message })))', `--require=${hides}`))
  t.match(missing, { code: 'FST_EVENTFEED_MISSING_PEER', message: /npm install better-sqlite3/ })
  t.equal(await outputOf("await tail(); await log.append({ event: 'said', json: '1', keys: [], at: 1 }); console.log('added')"), 'added\n')
})
