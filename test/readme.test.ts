/** The README does what it says: its examples are compiled and run as they stand there, and its tables name what there is. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import t from 'tap'
import * as errors from '../lib/errors.ts'
import eventfeed from '../lib/index.ts'

const run = promisify(execFile)

const readme = await readFile(join(import.meta.dirname, '..', 'README.md'), 'utf8')

/** The first block of TypeScript under a heading of the second or third level. */
function codeUnder (heading: string): string {
  const [, section = ''] = readme.split(new RegExp(`\n###? ${heading}\n`))
  const code = /```ts\n(?<code>.*?)```/s.exec(section)?.groups?.['code']
  if (code === undefined) throw new Error(`no code under ${heading}`)
  return code
}

t.test('the quick start runs, streams what is posted, and filters it', async (t) => {
  const code = codeUnder('Quick start')
  t.match(code, 'port: 3000')
  const file = join(t.testdir(), 'quick-start.ts')
  await writeFile(file, `${code.replace('port: 3000', 'port: 0')}\nconst [{ port }] = app.addresses()\nconsole.log(port)\n`)
  const server = spawn(process.execPath, ['--import', 'tsx', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    server.kill()
    await once(server, 'exit')
  })
  const [port] = await once(createInterface(server.stdout), 'line')
  const origin = `http://localhost:${port}`

  const listener = new AbortController()
  const stream = await fetch(`${origin}/chat?from=ada`, { signal: listener.signal })
  for (const from of ['bob', 'ada']) {
    const posted = await fetch(`${origin}/chat`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ from, text: 'hi' }) })
    t.equal(posted.status, 201)
  }
  const text = await readUntil(stream, '"hi"')
  t.match(text, 'data: {"from":"ada","text":"hi"}\n')
  t.notMatch(text, 'bob')
  listener.abort()

  const clock = new AbortController()
  t.match(await readUntil(await fetch(`${origin}/time`, { signal: clock.signal }), 'now'), /event: time\ndata: \{"now":\d+\}/)
  clock.abort()
})

/** What is added behind an example, by its heading, and what it then prints. */
const EXAMPLES: ReadonlyArray<readonly [heading: string, added: string, printed: RegExp]> = [
  ['Keys', `
    const say = (from: string, text: string) => app.inject({ method: 'POST', url: '/chat', body: { from, text } })
    for (let count = 1; count <= 21; count++) await say('ada', \`\${count}\`)
    const stream = await app.inject({ url: '/timeline/ada', payloadAsStream: true, signal: leaving.signal })
    await say('bob', 'too early')
    await app.inject({ method: 'PUT', url: '/timeline/ada/bob' })
    await say('bob', 'a friend')
    await app.inject({ method: 'DELETE', url: '/timeline/ada/bob' })
    await say('bob', 'too late')
    await say('ada', 'end')
    await print(stream, '"end"')`,
  /^(?!.*(?:"1"|too early|too late)).*"text":"2".*"text":"21".*a friend.*"end"/s],
  ['Slow readers', `
    const stream = await app.inject({ url: '/prices', payloadAsStream: true, signal: leaving.signal })
    await prices.publish({ event: 'price', data: { symbol: 'ABC', price: 13 }, key: 'ABC' })
    await print(stream, '"price":13}')`,
  /^(?!.*12\.5).*data: \{"symbol":"ABC","price":13\}/s],
  ['Snapshots', `
    for (const [symbol, price] of [['A', 1], ['B', 2], ['A', 3]]) await app.inject({ method: 'PUT', url: '/prices', body: { symbol, price } })
    for (const headers of [{}, { 'last-event-id': 'of another server' }]) await print(await app.inject({ url: '/prices', headers: { accept: 'text/event-stream', ...headers }, payloadAsStream: true, signal: leaving.signal }), 'bookmark')`,
  /^(?!.*stream:gap)(?:.*"A","price":3\}\n\n.*"B","price":2\}\n\nevent: stream:bookmark){2}/s],
  ['Reading a feed in server code', `
    import { readFile } from 'node:fs/promises'
    console.log(await readFile('chat.ndjson', 'utf8'))`,
  /^\{"id":".+","at":\d+,"data":"hi"\}\n/],
  ['A feed inside a generator', `
    const stream = await app.inject({ url: '/chat', payloadAsStream: true, signal: leaving.signal })
    while (chat.stats().streams === 0) await new Promise((resolve) => { setImmediate(resolve) })
    await chat.publish({ event: 'message', data: { text: 'again' } })
    await print(stream, 'again')`,
  /event: welcome\ndata: \{"text":"hi"\}\n\ndata: \{"text":"again"\}\nid: \S+-2\n/],
  ['OpenAPI', `
    console.log((await app.inject('/openapi.json')).payload)`,
  /"text\/event-stream":\{"itemSchema":\{"oneOf":\[\{"title":"price"/],
  ['Several feeds on one stream', `
    await print(await app.inject({ url: '/all', payloadAsStream: true, signal: leaving.signal }), 'It works')`,
  /event: headline\ndata: It works\nid: chat=\S+-1,news=\S+-1\n/],
  ['Who is online', `
    const stream = await app.inject({ url: '/chat/ada', payloadAsStream: true, signal: leaving.signal, headers: { accept: 'text/event-stream', 'cache-control': 'no-cache' } })
    console.log((await app.inject('/online')).payload, (await app.inject({ method: 'DELETE', url: '/chat/ada' })).payload)
    for await (const chunk of stream.stream()) console.log(String(chunk))
    console.log((await app.inject('/chat/ada')).statusCode, (await app.inject('/online')).payload)`,
  /^\["ada"\] \{"kicked":1\}\n(?!.*stream:done).*403 \[\]\n$/s],
  ['Rooms', `
    const ada = { headers: { 'x-user': 'ada' } }
    console.log((await app.inject({ headers: { 'x-user': 'eve' }, url: '/rooms/7' })).statusCode)
    await app.inject({ ...ada, method: 'POST', url: '/rooms/7', body: { text: 'hi' } })
    const stream = await app.inject({ ...ada, url: '/rooms/7', payloadAsStream: true, signal: leaving.signal })
    await print(stream, '"hi"')
    leaving.abort()
    await app.close()
    console.log(JSON.stringify(stored.get('7')))`,
  /^403\n(?:.*)data: \{"from":"ada","text":"hi"\}.*\[\{"from":"ada","text":"hi"\}\]\n$/s],
  ['Runs', `
    const ada = { headers: { 'x-user': 'ada' } }
    const { id } = (await app.inject({ ...ada, method: 'POST', url: '/answers' })).json()
    console.log((await app.inject({ headers: { 'x-user': 'bob' }, url: '/answers/' + id })).statusCode, (await app.inject({ ...ada, url: '/answers/unknown' })).statusCode)
    console.log((await app.inject({ headers: { 'x-user': 'ada', accept: 'text/event-stream' }, url: '/answers/' + id })).payload)
    console.log((await app.inject({ ...ada, method: 'DELETE', url: '/answers/' + id })).payload)`,
  /^403 404\n.*"text":"It"\}.*"text":" works"\}.*stream:done.*"state":"done".*"value":\{"tokens":2\}\}\n$/s]
]

/** Prints what a stream gives, up to a text that stands in it. */
const PRINT = `
const leaving = new AbortController()
async function print (response: { stream (): AsyncIterable<unknown> }, awaited: string) {
  let text = ''
  for await (const chunk of response.stream()) {
    text += String(chunk)
    if (text.includes(awaited)) return console.log(text)
  }
}`

for (const [heading, added, printed] of EXAMPLES) {
  t.test(`the example under ${heading} runs, and does what is said there`, async (t) => {
    const folder = t.testdir()
    await writeFile(join(folder, 'example.ts'), `${codeUnder(heading).replace('port: 3000', 'port: 0')}${PRINT}${added}\nleaving.abort()\nawait app.close()\n`)
    const { stdout } = await run(process.execPath, ['--import', import.meta.resolve('tsx'), 'example.ts'], { cwd: folder })
    t.match(stdout, printed)
  })
}

t.test('the example under Testing is a file of tests for Node\'s own runner, which passes', async (t) => {
  const folder = t.testdir()
  await writeFile(join(folder, 'chat.test.ts'), codeUnder('Testing'))
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...env } = process.env
  const { stdout } = await run(process.execPath, ['--import', import.meta.resolve('tsx'), '--test', '--test-reporter=tap', 'chat.test.ts'], { cwd: folder, env })
  t.match(stdout, /^# pass 2$/m)
  t.match(stdout, /^# fail 0$/m)
})

t.test('all examples compile', async (t) => {
  const folder = t.testdir()
  const files = await Promise.all([...EXAMPLES.map(([heading]) => heading), 'Quick start', 'Figures', 'Testing'].map(async (heading, index) => {
    const file = join(folder, `example-${index}.ts`)
    await writeFile(file, codeUnder(heading))
    return file
  }))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
  const compiler = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'))
  const { stdout } = await run(process.execPath, [compiler, ...options, ...files]).catch((error: { stdout: string }) => error)
  t.equal(stdout, '')
})

t.test('the README has a row for every option of a subscription, of a feed, of rooms and of runs', async (t) => {
  const rows = new Set([...readme.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, option]) => option))
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  const feed = app.feed('numbers')
  // the refusal of an option that there is not names those that there are
  for (const refuse of [() => feed.subscribe({ no: 1 } as object), () => app.feed('other', { no: 1 } as object), () => app.feeds('other', { no: 1 } as object), () => app.runs('other', { no: 1 } as object)]) {
    const [, options = ''] = /there are (.*)$/.exec(messageOf(refuse)) ?? []
    t.ok(options.split(', ').length > 5)
    for (const option of options.split(', ')) t.ok(rows.has(option) || rows.has(`${option}.entries`), option)
  }
})

t.test('each promise names tests that attack it, and they exist', async (t) => {
  const [, section = ''] = readme.split('\n## What it promises, and what it does not\n')
  const rows = (section.split('\n## ')[0] ?? '').split('\n').filter((line) => line.startsWith('| **'))
  t.ok(rows.length > 5)
  for (const row of rows) {
    const files = [...row.matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(([, file = '']) => file)
    t.ok(files.length > 0, row.slice(0, 60))
    for (const file of files) t.ok(existsSync(join(import.meta.dirname, '..', file)), file)
  }
})

function messageOf (refuse: () => unknown): string {
  try {
    refuse()
  } catch (error) {
    return String(error instanceof Error ? error.message : error)
  }
  return ''
}

t.test('the README lists every error code, and no other', async (t) => {
  const codes = Object.values(errors).flatMap((error) => {
    if (typeof error === 'string') return [error]
    const { code } = error.prototype === undefined ? {} : Reflect.construct(error, ['', '', '']) as { code?: string }
    return code?.startsWith('FST_') === true ? [code] : []
  })
  t.ok(codes.length > 15)
  const [, section = ''] = readme.split('\n## Errors\n')
  const listed = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(FST_\w+)`/gm)].map(([, code]) => code)
  // a code that the library itself branches on has a name of its own besides
  t.same(listed.sort(), [...new Set(codes)].sort())
})

async function readUntil (response: Response, awaited: string): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes(awaited)) return text
  }
  throw new Error(`the stream ended before ${awaited}: ${text}`)
}
