/** What a page loads: how much, and nothing of Node or of the server. */
import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'

const ROOT = join(import.meta.dirname, '../..')
const MOST_BYTES = 6 * 1024

async function bundled (names: string): Promise<{ bytes: number, inputs: string[], text: string }> {
  const { outputFiles: [file], metafile } = await build({
    stdin: { contents: `export { ${names} } from './lib/client/index.ts'`, resolveDir: ROOT, loader: 'ts' },
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true
  })
  const parts = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.entries(inputs))
  return {
    bytes: gzipSync(file?.contents ?? '', { level: 9 }).length,
    inputs: parts.filter(([, { bytesInOutput }]) => bytesInOutput > 0).map(([path]) => path),
    text: file?.text ?? ''
  }
}

t.test('openFeed and its parser have at most 6 KB, minified and gzipped', async (t) => {
  const { bytes, inputs } = await bundled('openFeed, FeedError')
  t.comment(`${bytes} bytes`)
  t.ok(bytes <= MOST_BYTES, `${bytes} bytes`)
  t.ok(inputs.includes('node_modules/eventsource-parser/dist/index.js'), 'the parser is in it')
})

t.test('a page loads files of the client, the protocol, the declared events and the parser, and nothing else', async (t) => {
  const { inputs } = await bundled('openFeed, resumingFetch, defineEvents, FeedError')
  const strange = inputs.filter((path) => !/^(lib\/client\/[\w-]+\.ts|lib\/wire\/protocol\.ts|lib\/schema\/define-events\.ts|node_modules\/eventsource-parser\/dist\/index\.js|<stdin>)$/.test(path))
  t.strictSame(strange, [])
})

t.test('what is not imported is not loaded', async (t) => {
  t.strictSame((await bundled('defineEvents')).inputs.filter((path) => path.startsWith('lib/client')), [])
  t.notOk((await bundled('openFeed')).inputs.includes('lib/client/resuming-fetch.ts'))
  t.notOk((await bundled('resumingFetch')).inputs.includes('lib/client/open-feed.ts'))
  t.ok((await bundled('defineEvents')).bytes < 200)
})
