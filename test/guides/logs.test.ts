/**
 * The guide to logs does what it says: its log is compiled and run as it stands there, by each framework that it names.
 */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import eventfeed, { type Feed } from '../../lib/index.ts'
import type { EventLog } from '../../lib/log/contract.ts'
import { logClaims, type LogUnderTest } from '../../lib/testing/log.ts'
import { run } from '../package/packed.ts'
import * as faultyFiles from './faulty-files.ts'

t.setTimeout(300_000)

/** What is installed for its test, and only then: most who run these tests have no other use for it. */
const VITEST = 'vitest@3'
const TSX = import.meta.resolve('tsx')

const root = join(import.meta.dirname, '../..')
const guide = await readFile(join(root, 'docs/guides/logs.md'), 'utf8')
const folder = t.testdir()

/** The log of the guide. */
interface FileLog extends EventLog { readonly path: string, readonly retain: { readonly entries: number } }
interface Module { fileLog (path: string, retain: FileLog['retain']): FileLog }

/** The one example of the guide in which a text stands. */
function example (text: string): string {
  const examples = Array.from(guide.matchAll(/```(?:ts|js)\n(.*?)```/gs), ([, code = '']) => code)
  const found = examples.filter((code) => code.includes(text))
  if (found.length !== 1) throw new Error(`${found.length} examples with ${text}`)
  return found.join()
}

const code = { 'file-log.ts': example('function fileLog'), 'file-log-under-test.ts': example('LogUnderTest<FileLog>') }

/** Writes the log of the guide into a folder, and a test file. Answers the path of that. */
async function written (name: string, test: string): Promise<string> {
  const path = join(folder, name)
  await mkdir(path)
  for (const [file, text] of Object.entries(code)) await writeFile(join(path, file), text)
  const file = join(path, 'log.test.mjs')
  await writeFile(file, test)
  return file
}

t.test('the log of the guide compiles, with its tests', async (t) => {
  const file = await written('compiled', '')
  const config = {
    compilerOptions: {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: 'nodenext',
      target: 'es2023',
      types: ['node'],
      allowImportingTsExtensions: true
    },
    files: Object.keys(code)
  }
  await writeFile(join(dirname(file), 'tsconfig.json'), JSON.stringify(config))
  const compiler = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'))
  t.equal(await run(dirname(file), process.execPath, compiler, '-p', 'tsconfig.json'), '')
})

t.test('the log of the guide is not much longer than it is said to be', async (t) => {
  const lines = code['file-log.ts'].split('\n').filter((line) => line.trim() !== '')
  t.ok(lines.length <= 100, `${lines.length} lines`)
  t.strictSame(lines.filter((line) => line.length > 120), [])
})

t.test('the log of the guide keeps each claim, also where its files fail, and after a kill', async (t) => {
  const path = join(folder, 'faulty')
  await mkdir(path)
  const faulty = JSON.stringify(join(import.meta.dirname, 'faulty-files.ts'))
  await writeFile(join(path, 'file-log.ts'), code['file-log.ts'].replace("'node:fs/promises'", faulty))
  const { fileLog } = await import(join(path, 'file-log.ts')) as Module
  let logs = 0
  const another = ({ path, retain }: FileLog): FileLog => fileLog(path, retain)
  const under: LogUnderTest<FileLog> = {
    make: async ({ entries = 2000 }) => fileLog(join(path, `${logs++}.json`), { entries }),
    bounds: [],
    reopen: another,
    rival: another,
    // what the disk has at this moment, and a lock that somebody has removed
    kill: (log) => {
      const copy = join(path, `${logs++}.json`)
      faultyFiles.copyNow(log.path, copy)
      return fileLog(copy, log.retain)
    },
    failNext: (log) => { faultyFiles.failNext(log.path) },
    holdCommits: (log) => faultyFiles.hold(log.path),
    ahead: (position) => position.replace(/\d+$/, (number) => String(Number(number) + 1)),
    answerWithinMs: 60_000
  }
  for (const claim of logClaims) t.test(claim.name, { skip: claim.notApplicable(under) }, () => claim.run(under))
})

t.test('a client of a feed with the log of the guide goes on after a restart, without a gap', async (t) => {
  const file = join(dirname(await written('feed', '')), 'file-log.ts')
  const { fileLog } = await import(pathToFileURL(file).href) as Module
  const path = join(folder, 'feed', 'chat.json')
  const start = async (t: Test): Promise<{ app: FastifyInstance, feed: Feed }> => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(eventfeed)
    const feed = app.feed('chat', { log: fileLog(path, { entries: 10 }) })
    app.get('/chat', (_request, reply) => reply.sse(feed.subscribe()))
    return { app, feed }
  }
  const first = await start(t)
  const id = await first.feed.publish({ data: 'seen' })
  await first.feed.publish({ data: 'missed' })
  await first.app.close()

  const second = await start(t)
  await second.feed.publish({ data: 'new' })
  await second.feed.end()
  const { body } = await second.app.inject({ url: '/chat', headers: { 'last-event-id': id } })
  t.strictSame(body.match(/^data: .+$/gm), ['data: missed', 'data: new'])
  t.notMatch(body, 'stream:gap')
})

t.test('node:test runs the claims as the guide says', async (t) => {
  const file = await written('node-test', example("from 'node:test'"))
  passes(t, await run(dirname(file), process.execPath, '--import', TSX, '--test', '--test-reporter=tap', file))
})

t.test('tap runs the claims as the guide says', async (t) => {
  const file = await written('tap', example("from 'tap'"))
  // by itself it gives a file 30 s, which a busy machine may take
  passes(t, await run(dirname(file), 'env', 'TAP_TIMEOUT=300', process.execPath, '--import', TSX, file))
})

t.test('vitest runs the claims as the guide says', async (t) => {
  const file = await written('vitest', example("from 'vitest'"))
  const elsewhere = await mkdtemp(join(tmpdir(), 'eventfeed-vitest-'))
  t.teardown(() => rm(elsewhere, { recursive: true, force: true }))
  await writeFile(join(elsewhere, 'package.json'), JSON.stringify({ name: 'elsewhere', private: true }))
  try {
    await run(elsewhere, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', '--prefix', elsewhere, VITEST)
  } catch (error) {
    // without a network nobody can install it; where tests must not be skipped, that is a failure
    if (process.env.CI) throw error
    t.plan(0, `${VITEST} cannot be installed`)
    return
  }
  await mkdir(join(dirname(file), 'node_modules'))
  await symlink(join(elsewhere, 'node_modules/vitest'), join(dirname(file), 'node_modules/vitest'), 'dir')
  const vitest = join(elsewhere, 'node_modules/vitest/vitest.mjs')
  const options = ['run', '--root', dirname(file), '--reporter=tap-flat', basename(file)]
  passes(t, await run(dirname(file), process.execPath, vitest, ...options))
})

/** Each claim has a line in the output, by which it has passed, or was skipped. Some are skipped, and most are not. */
function passes (t: Test, output: string): void {
  const found = output.matchAll(/^ *((?:not )?ok) \d+ - (?:[\w.]+ > )?(.*?)(?: #.*)?$/gm)
  const lines = new Map(Array.from(found, ([line, result, name]) => [name, { line, result }]))
  for (const { name } of logClaims) {
    const { line = `no line for ${name}`, result } = lines.get(name) ?? {}
    t.equal(result, 'ok', line)
  }
  const skipped = [...lines.values()].filter(({ line }) => /# (SKIP|TODO)/i.test(line)).length
  t.ok(skipped > 0 && skipped < logClaims.length / 2, `${skipped} skipped`)
}
