/** What the README says of the client: its example runs, and its tables name what there is. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import ts from 'typescript'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const readme = await readFile(join(ROOT, 'README.md'), 'utf8')
const section = readme.split('\n## The client\n')[1]?.split('\n## ')[0] ?? ''

/** The example's files, by the name in their first line. */
const files = new Map(Array.from(section.matchAll(/```ts\n\/\/ (\w+\.ts)(.*?)```/gs), ([, name = '', text = '']) => [name, `//${text}`]))

t.test('from schema to page: the three files compile, and a page sees what the server publishes', async (t) => {
  t.strictSame([...files.keys()], ['events.ts', 'server.ts', 'page.ts'])
  const folder = t.testdir()
  for (const [name, text] of files) await writeFile(join(folder, name), text)
  const compiler = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
  const { stdout } = await run(process.execPath, [compiler, ...options, ...[...files.keys()].map((name) => join(folder, name))]).catch((error: { stdout: string }) => error)
  t.equal(stdout, '')

  // the port is free, and the event comes when the page is there
  const server = (files.get('server.ts') ?? '').replace('port: 3000', 'port: 0').replace(/\nawait chat.publish(.*)/, (publish) => `
    console.log(app.addresses()[0]?.port)
    while (app.eventfeed.stats().connections === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    ${publish}
    await chat.publish({ event: 'joined', data: { who: 'bob' } })
    chat.end()`)
  await writeFile(join(folder, 'server.ts'), server)
  const tsx = import.meta.resolve('tsx')
  const process_ = spawn(process.execPath, ['--import', tsx, 'server.ts'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    process_.kill()
    await once(process_, 'exit')
  })
  const [port] = await once(createInterface(process_.stdout), 'line')
  await writeFile(join(folder, 'page.ts'), (files.get('page.ts') ?? '').replace('localhost:3000', `localhost:${port}`))
  const page = await run(process.execPath, ['--import', tsx, 'page.ts'], { cwd: folder })
  t.equal(page.stdout, 'bob is here\nada: hi\n')
})

/** The members of an interface or a union in a file of the client. */
function namesIn (file: string, pattern: RegExp): string[] {
  return Array.from((ts.sys.readFile(join(ROOT, 'lib/client', file)) ?? '').matchAll(pattern), ([, name = '']) => name)
}

/** What stands in the first column of the table under a heading. */
function column (heading: string): string[] {
  const rows = (section.split(`\n| ${heading} |`)[1] ?? '').split('\n\n')[0]?.split('\n').slice(2) ?? []
  return rows.flatMap((row) => Array.from((row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g), ([, name = '']) => name))
}

t.test('the tables have a row for every option, every state and every code, and no other', async (t) => {
  t.strictSame(column('option of `openFeed`').toSorted(), namesIn('options.ts', /^ {2}readonly (\w+)\?:/gm).toSorted())
  t.strictSame(column('`state`').toSorted(), namesIn('states.ts', /readonly state: '(\w+)'/g).toSorted())
  const kinds = /FeedErrorKind =(.*?)\n\n/s.exec(ts.sys.readFile(join(ROOT, 'lib/client/errors.ts')) ?? '')?.[1] ?? ''
  t.strictSame(column('code').toSorted(), Array.from(kinds.matchAll(/'(\w+)'/g), ([, kind]) => `FST_EVENTFEED_CLIENT_${kind}`).toSorted())
  t.ok(column('code').length > 5)
})
