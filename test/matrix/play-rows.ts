/** Plays rows of the matrix with their clients, several at a time: most of the time clients wait to come back. */
import type { Test } from 'tap'
import { play, type CaseName, type Subject } from './cases.ts'
import type { Row } from './rows.ts'

/** Rows that are played at the same time. */
const JOBS = 6

/** Adds a test for each row. `subjectOf` finds its client. */
export function playRows (t: Test, rows: readonly Row[], subjectOf: (row: Row) => Subject): void {
  t.jobs = JOBS
  for (const row of rows) {
    const subject = subjectOf(row)
    t.test(`what a user of ${row.client} sees is what the table says`, { buffered: true, skip: subject.client.skip }, async (t) => {
      const names = Object.keys(row.cells) as CaseName[] // the keys of such a record
      const played = await Promise.all(names.map(async (name) => ({ name, ...await play(subject, name) })))
      for (const { name, outcome, seen } of played) t.equal(outcome, row.cells[name], name, { seen })
    })
  }
}
