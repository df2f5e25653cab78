/** Plays rows of the matrix with their clients, all at the same time: clients mostly wait to come back. */
import type { Test } from 'tap'
import { play, type CaseName, type Subject } from './cases.ts'
import type { Row } from './rows.ts'

/**
 * Adds a test for each row, and one at the end for all. `subjectOf` finds the client of a row; `strays` says what no
 * client has caught.
 */
export function playRows (t: Test, rows: readonly Row[], subjectOf: (client: string) => Subject, strays: () => string[]): void {
  t.jobs = rows.length
  const played = rows.map(async ({ client, cells }) => {
    const subject = subjectOf(client)
    await t.test(`what a user of ${client} sees is what the table says`, { buffered: true, skip: subject.client.skip }, async (t) => {
      const names = Object.keys(cells) as CaseName[] // the keys of such a record
      const outcomes = await Promise.all(names.map(async (name) => ({ name, ...await play(subject, name) })))
      for (const { name, outcome, seen } of outcomes) t.equal(outcome, cells[name], name, { seen })
    })
  })
  t.test('no client throws where nobody catches it', async (t) => {
    await Promise.all(played)
    t.strictSame(strays(), [])
  })
}
