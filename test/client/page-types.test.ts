/** The client's types in a page: a program that knows the DOM and nothing of Node. The declarations must be built. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const run = promisify(execFile)

const PAGE = `
import { Type } from 'typebox'
import { defineEvents, openFeed, resumingFetch } from 'fastify-eventfeed/client'

const feed = openFeed(new URL('/chat', location.href), {
  events: defineEvents({ message: Type.Object({ text: Type.String() }) }),
  headers: () => new Headers({ authorization: 'Bearer x' }),
  signal: AbortSignal.timeout(1_000),
  credentials: 'include',
  fetch: resumingFetch({ resumeUrl: (response) => response.headers.get('content-location') })
})
feed.on('message', ({ data }) => { document.title = data.text })
// @ts-expect-error there is no such field
feed.on('message', ({ data }) => { document.title = data.words })
`

t.test('a page without the types of Node compiles, and sees the types of its events', async (t) => {
  t.setTimeout(300_000)
  const folder = t.testdir()
  await writeFile(join(folder, 'page.ts'), PAGE)
  const compiler = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'))
  const compilerOptions = { noEmit: true, strict: true, module: 'nodenext', target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable'], types: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['page.ts'] }))
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error)
  t.equal(stdout, '')
})
