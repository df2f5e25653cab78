import { createParser } from 'eventsource-parser'
import { cp, mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { packAndInstall, program, run } from './packed.ts'

// it builds, installs and compiles, each with real tools: a minute, and much more on a busy machine
t.setTimeout(900_000)

const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url))
/** TypeScript 5.9, and the newest. */
const COMPILERS = ['typescript', 'typescript-newest'].map((name) => [name, join(import.meta.dirname, '../../node_modules', name, 'lib/tsc.js')] as const)
const { folder, tarball, files } = await packAndInstall(t)

t.test('the tarball holds the built code with its types, the docs, and what npm shows: nothing else', async (t) => {
  const top = new Set(files.map((path) => path.split('/')[0]))
  t.strictSame([...top], ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'package.json'])
  const strays = files.filter((path) => path.startsWith('dist/') && !/\.(js|js\.map|d\.ts)$/.test(path))
  t.strictSame(strays, [])
  const scripts = files.filter((path) => path.endsWith('.js'))
  t.strictSame(files.filter((path) => path.endsWith('.d.ts')), scripts.map((path) => path.replace(/\.js$/, '.d.ts')), 'each with its types')
})

t.test('publint finds nothing, not even a suggestion', async (t) => {
  t.match(await run(folder, program('publint'), 'run', tarball, '--strict', '--level', 'suggestion'), /All good!/)
})

t.test('attw finds the types right, for a package of ES modules only', async (t) => {
  await t.resolves(run(folder, program('attw'), tarball, '--profile', 'esm-only', '--no-definitely-typed', '--no-color', '--no-emoji'))
})

for (const moduleKind of ['nodenext', 'node20']) {
  t.test(`TypeScript compiles consumers for ${moduleKind} with skipLibCheck: false, and what it makes of them serves streams`, async (t) => {
    const built = `built-${moduleKind}`
    await cp(fixtures, join(folder, 'consumers'), { recursive: true })
    await writeFile(join(folder, `tsconfig.${moduleKind}.json`), JSON.stringify({
      compilerOptions: { module: moduleKind, target: 'es2022', strict: true, skipLibCheck: false, types: ['node'], rootDir: 'consumers', outDir: built },
      include: ['consumers']
    }))
    await t.resolves(run(folder, join(folder, 'node_modules/.bin/tsc'), '-p', `tsconfig.${moduleKind}.json`))

    for (const [title, file] of [
      ['an ES module', 'esm.mjs'],
      ['a CommonJS module with require()', 'commonjs-require.cjs'],
      ['a CommonJS module that was written with import', 'commonjs-import.cjs'],
      ['a CommonJS module with import()', 'commonjs-import-call.cjs']
    ] as const) {
      t.test(title, async (t) => serves(t, JSON.parse(await run(folder, process.execPath, join(built, file)))))
    }

    t.test('an ES module that follows a feed', async (t) => {
      t.strictSame(JSON.parse(await run(folder, process.execPath, join(built, 'client.mjs'))), {
        states: ['open', 'gap', 'closed'], texts: ['hi', 'hi'], whole: 'FST_EVENTFEED_CLIENT_GAP'
      })
    })

    t.test('an ES module that tests a log', async (t) => {
      const printed = await run(folder, process.execPath, join(built, 'log-claims.mjs'))
      t.match(printed, /^\d\d claims kept, ,FST_EVENTFEED_LOG_CLAIM otherwise/)
    })

    t.test('an ES module with a log on disk, which works where SQLite is, and else says what to install', async (t) => {
      const printed = await run(folder, process.execPath, '--no-warnings', join(built, 'sqlite.mjs'), join(folder, `${moduleKind}.db`))
      t.equal(printed, process.getBuiltinModule?.('node:sqlite') === undefined ? 'FST_EVENTFEED_MISSING_PEER\n' : '1 {"name":"chat","ended":false}\n')
    })
  })
}

t.test('the types need no peer that is not installed: without prom-client, fastify-eventfeed/metrics compiles with skipLibCheck: false', async (t) => {
  const [peer, aside] = [join(folder, 'node_modules/prom-client'), join(folder, 'prom-client')]
  const consumer = join(folder, 'without-peers')
  await mkdir(consumer)
  await writeFile(join(consumer, 'consumer.mts'), `
    import Fastify from 'fastify'
    import eventfeed from 'fastify-eventfeed'
    import metrics, { type MetricsOptions } from 'fastify-eventfeed/metrics'
    import { sqliteLogs } from 'fastify-eventfeed/sqlite'
    const app = Fastify()
    await app.register(eventfeed)
    const options: MetricsOptions = { prefix: 'feeds_', registry: undefined }
    await app.register(metrics, options)
    app.feed('stored', { log: sqliteLogs({ file: 'feeds.db' })('stored') })
  `)
  await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({
    compilerOptions: { module: 'nodenext', target: 'es2022', strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, types: ['node'], noEmit: true },
    include: ['.']
  }))
  await rename(peer, aside)
  t.teardown(() => rename(aside, peer))
  for (const [name, compiler] of COMPILERS) await t.resolves(run(consumer, process.execPath, compiler, '-p', '.'), name)
})

for (const moduleKind of ['node16', 'node18']) {
  t.test(`TypeScript compiles ES modules and import() for ${moduleKind}, and refuses to require an ES module there, as the README says`, async (t) => {
    const built = `built-${moduleKind}`
    const compile = async (...files: string[]): Promise<string> => {
      await writeFile(join(folder, `tsconfig.${moduleKind}.json`), JSON.stringify({
        compilerOptions: {
          // the declarations themselves are checked above
          module: moduleKind, target: 'es2022', strict: true, skipLibCheck: true, types: ['node'], rootDir: 'consumers', outDir: built
        },
        files: files.map((file) => `consumers/${file}`)
      }))
      return run(folder, join(folder, 'node_modules/.bin/tsc'), '-p', `tsconfig.${moduleKind}.json`)
    }
    await cp(fixtures, join(folder, 'consumers'), { recursive: true })
    await t.resolves(compile('esm.mts', 'commonjs-import-call.cts'))
    for (const file of ['esm.mjs', 'commonjs-import-call.cjs']) {
      t.test(file, async (t) => serves(t, JSON.parse(await run(folder, process.execPath, join(built, file)))))
    }
    await t.rejects(compile('commonjs-require.cts'), { message: /TS1471: Module 'fastify-eventfeed'.*TS1471: Module 'typebox'/s })
  })
}

t.test('require() gives the plugin itself, and the public names hang on it', async (t) => {
  const script = `
    const plugin = require('fastify-eventfeed')
    import('fastify-eventfeed').then((module) => {
      const names = Object.keys(module).filter((name) => name !== 'module.exports')
      console.log(JSON.stringify({ type: typeof plugin, names, different: names.filter((name) => plugin[name] !== module[name]) }))
    })`
  const { type, names, different } = JSON.parse(await run(folder, process.execPath, '--input-type=commonjs', '--eval', script))
  t.equal(type, 'function')
  t.strictSame(names.toSorted(), ['EventStreamEnded', 'MemoryLog', 'default', 'encode', 'eventfeed', 'openapi', 'projection'])
  t.strictSame(different, [], 'each is what an import gives')
})

/** What every consumer prints. */
interface Printed { encoded: string, functions: string[], feed: string, generator: string, scraped: string }

function serves (t: Test, { encoded, functions, feed, generator, scraped }: Printed): void {
  t.equal(encoded, 'event: price\ndata: encoded\n\n')
  t.strictSame(functions, ['function', 'function', 'function', 'function'])
  t.strictSame(events(feed), [['price', '{"at":2}']], 'a feed, in the shape of its projection')
  t.strictSame(events(generator), [['price', '{"symbol":"ACME","at":1}']], 'a generator')
  t.match(scraped, /^eventfeed_streams_opened_total 2$/m, 'metrics, from their own entry point')
}

/** The events of a stream, control events left out. */
function events (stream: string): Array<[type: string, data: string]> {
  const read: Array<[type: string, data: string]> = []
  createParser({ onEvent: ({ event = 'message', data }) => { if (!event.startsWith('stream:')) read.push([event, data]) } }).feed(stream)
  return read
}
