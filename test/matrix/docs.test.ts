/** `docs/clients.md` shows the matrix as it is tested. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { CaseName } from './cases.ts'
import { notesOf, tableOf } from './markdown.ts'
import { ROWS } from './rows.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/clients.md'), 'utf8')

/** The cases of each table, by its heading. */
const TABLES: ReadonlyArray<readonly [heading: string, cases: readonly CaseName[]]> = [
  ['Streams by GET', ['feed', 'finite stream', 'failure', 'drain', 'server away', 'lost line', 'gap']],
  ['Runs by GET', ['run', 'run, lost line', 'run, failure', 'run, stop', 'run, drain']],
  ['Answers to a POST', ['POST, finite stream', 'POST, failure', 'POST, run', 'POST, run, failure']]
]

/** The text under a heading. */
function under (heading: string): string {
  const [, text = ''] = page.split(`\n## ${heading}\n`)
  return text.split('\n## ')[0] ?? ''
}

for (const [heading, cases] of TABLES) {
  t.test(`the page shows under ${heading} what the tests see`, async (t) => {
    const shown = under(heading).split('\n').filter((line) => line.startsWith('|')).join('\n')
    t.equal(shown, tableOf(ROWS, cases))
  })
}

t.test('the page says of each client what the table cannot say', async (t) => {
  const shown = under('What to know of some clients').split('\n').filter((line) => line.startsWith('- ')).join('\n')
  t.equal(shown, notesOf(ROWS))
})

t.test('each case stands in one table', async (t) => {
  const names = new Set(ROWS.flatMap(({ cells }) => Object.keys(cells)))
  t.strictSame(TABLES.flatMap(([, cases]) => cases).sort(), [...names].sort())
})
