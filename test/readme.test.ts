/** The README does what it says: its quick start is run as it stands there, and its tables name what there is. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import * as errors from '../lib/errors.ts'

const readme = await readFile(join(import.meta.dirname, '..', 'README.md'), 'utf8')

/** The first block of TypeScript under a heading. */
function codeUnder (heading: string): string {
  const [, section = ''] = readme.split(`\n## ${heading}\n`)
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
  t.match(text, 'event: message\ndata: {"from":"ada","text":"hi"}\n')
  t.notMatch(text, 'bob')
  listener.abort()

  const clock = new AbortController()
  t.match(await readUntil(await fetch(`${origin}/time`, { signal: clock.signal }), 'now'), /event: time\ndata: \{"now":\d+\}/)
  clock.abort()
})

t.test('the README lists every error code, and no other', async (t) => {
  const codes = Object.values(errors).flatMap((error) => {
    if (typeof error === 'string') return [error]
    const { code } = error.prototype === undefined ? {} : Reflect.construct(error, ['', '', '']) as { code?: string }
    return code?.startsWith('FST_') === true ? [code] : []
  })
  t.ok(codes.length > 15)
  const [, section = ''] = readme.split('\n## Errors\n')
  const listed = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| `(FST_\w+)`/gm)].map(([, code]) => code)
  t.same(listed.sort(), codes.sort())
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
