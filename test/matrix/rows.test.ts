/** The rows of the matrix speak for themselves: what is not good has a reason beside it. */
import t from 'tap'
import type { CaseName } from './cases.ts'
import { ROWS } from './rows.ts'

const WHOLE = /^all, ends$/
const RESUMED_OR_FAILED = /^(all, resumes(, ends)?|(first 2|none), fails)$/
const TOLD_OR_FAILED = /^first 2, (\+ stream:error, ends|fails)$/

/** All events, and nothing else; no truncation passes for success; a client that comes back by itself goes on. */
const GOOD: Record<CaseName, RegExp> = {
  feed: WHOLE,
  'finite stream': WHOLE,
  failure: /^(all, \+ stream:error, resumes, ends|all, resumes, ends|first 2, fails)$/,
  drain: RESUMED_OR_FAILED,
  'server away': RESUMED_OR_FAILED,
  'lost line': RESUMED_OR_FAILED,
  gap: /^all, \+ stream:gap$/,
  run: WHOLE,
  'run, lost line': RESUMED_OR_FAILED,
  'run, failure': TOLD_OR_FAILED,
  'run, stop': /^first 2, ends$/,
  'run, drain': TOLD_OR_FAILED,
  'POST, finite stream': WHOLE,
  'POST, failure': RESUMED_OR_FAILED,
  'POST, run': WHOLE,
  'POST, run, failure': TOLD_OR_FAILED
}

t.test('a row whose cells are not all good says why, and no other does', async (t) => {
  for (const { client, cells, note } of ROWS) {
    const bad = (Object.keys(cells) as CaseName[]).filter((name) => !GOOD[name].test(cells[name] ?? '')) // the keys of such a record
    t.equal(note !== undefined, bad.length > 0, `${client}: ${bad.join('; ')}`)
  }
})

t.test('each client has one row', async (t) => {
  t.equal(new Set(ROWS.map(({ client }) => client)).size, ROWS.length)
})
