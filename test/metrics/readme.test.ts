/** The README's example of metrics is what it says: an application that Prometheus can scrape. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

t.test('the example under Figures serves metrics', async (t) => {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8')
  const code = /\n## Figures\n.*?```ts\n(?<code>.*?)```/s.exec(readme)?.groups?.['code']
  if (code === undefined) throw new Error('no code under Figures')
  const file = join(t.testdir(), 'figures.ts')
  await writeFile(file, `${code}\nconsole.log((await app.inject('/metrics')).body)\nawait app.close()\n`)
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', file])
  t.match(stdout, /^eventfeed_streams_opened_total 0$/m)
})
