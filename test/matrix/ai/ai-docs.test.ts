/** `docs/clients.md` shows the matrix of AI clients as it is tested. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { notesOf, tableOf } from '../markdown.ts'
import { AI_CASES, type AiCaseName } from './ai-cases.ts'
import { AI_ROWS } from './ai-rows.ts'

const page = await readFile(join(import.meta.dirname, '../../../docs/clients.md'), 'utf8')
const [, section = ''] = page.split('\n## AI clients\n')
const lines = (section.split('\n## ')[0] ?? '').split('\n')
const RUNS: readonly AiCaseName[] = ['run', 'run, lost line', 'run, failure', 'run, stop', 'run, drain', 'run, gap']
const STREAMS: readonly AiCaseName[] = ['stream', 'stream, failure', 'stream, drain', 'feed']

t.test('the page shows of AI clients what the tests see', async (t) => {
  const shown = lines.filter((line) => line.startsWith('|')).join('\n')
  t.equal(shown, [tableOf(AI_ROWS, RUNS), tableOf(AI_ROWS, STREAMS)].join('\n'))
  t.strictSame([...RUNS, ...STREAMS].sort(), Object.keys(AI_CASES).sort())
})

t.test('the page says of each AI client what the tables cannot say', async (t) => {
  t.equal(lines.filter((line) => line.startsWith('- ')).join('\n'), notesOf(AI_ROWS))
})
