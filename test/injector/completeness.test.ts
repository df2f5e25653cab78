/**
 * The table of boundaries is whole: each option, each method of a log, each kind of source and each call of Node's or
 * Fastify's methods stands in it,
 * and docs/ARCHITECTURE.md says the same as the table does. What is missing on any side fails.
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { STACKS } from './boundary.ts'
import { foreignCalls, membersOf, unionOf } from './lib-types.ts'
import { REVIEWED, SOURCE_KINDS } from './reviewed.ts'
import { BOUNDARIES } from './table.ts'
import { DATA_OPTIONS } from './wrong-options.ts'

const covered = new Set([
  ...BOUNDARIES.flatMap(({ covers }) => covers),
  ...Object.keys(DATA_OPTIONS),
  ...Object.keys(REVIEWED)
])

const INTERFACES = [
  'SubscribeOptions',
  'FeedOptions',
  'RoomsOptions',
  'EventStreamOptions',
  'EventfeedOptions',
  'Eventfeed',
  'EventLog',
  'TailListener',
  'Tail',
  'SourceArguments',
  'ReadableStreamLike',
  'Clock'
]

// options of feeds that rooms have too stand in an interface of their own
const members = INTERFACES.flatMap(membersOf)
const calls = foreignCalls()

t.test('every option, and every method of a log, is in the table', async (t) => {
  t.strictSame(members.filter((member) => !covered.has(member)), [])
})

t.test('every call of a method of Node or Fastify is in the table', async (t) => {
  t.ok(calls.length > 30, `${calls.length} calls`)
  t.strictSame(calls.filter((call) => !covered.has(call)), [])
})

t.test('every kind of source is in the table', async (t) => {
  const kinds = ['EventsOf', 'Held', 'EventSource'].flatMap(unionOf)
  t.strictSame(kinds.filter((kind) => !(kind in SOURCE_KINDS)), [])
  t.strictSame(Object.keys(SOURCE_KINDS).filter((kind) => !kinds.includes(kind)), [])
  const names = BOUNDARIES.map(({ name }) => name)
  for (const [kind, rows] of Object.entries(SOURCE_KINDS)) {
    t.strictSame(rows.filter((row) => !names.includes(row)), [], kind)
  }
})

t.test('the table names nothing that does not exist', async (t) => {
  const known = new Set(members)
  t.strictSame(
    [...covered].filter((name) => INTERFACES.some((of) => name.startsWith(`${of}.`)) && !known.has(name)),
    []
  )
  t.strictSame(
    BOUNDARIES.filter(({ name }, index) => BOUNDARIES.findIndex((other) => other.name === name) !== index),
    [],
    'no row stands there twice'
  )
})

/** The rows of the table in the documentation: the boundary, and its stacks. */
function documented (): Map<string, string[]> {
  const text = readFileSync(new URL('../../docs/ARCHITECTURE.md', import.meta.url), 'utf8')
  const [, section = ''] = text.split('\n## Boundaries\n')
  const rows = new Map<string, string[]>()
  for (const line of (section.split('\n## ')[0] ?? '').split('\n')) {
    const [, name = '', stacks = '', catcher = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
    if (catcher === '' || name === 'boundary' || name.startsWith('---')) continue
    rows.set(name.replaceAll('`', ''), stacks.split(', ').sort())
  }
  return rows
}

t.test('docs/ARCHITECTURE.md has the same rows, with the same stacks', async (t) => {
  const rows = documented()
  t.ok(rows.size > 30, `${rows.size} rows`)
  const told = Object.fromEntries([...rows].sort())
  const table = Object.fromEntries(BOUNDARIES.map(({ name, stacks }) => [name, [...stacks].sort()] as const).sort())
  t.strictSame(told, table)
  for (const stacks of rows.values()) for (const stack of stacks) t.ok(STACKS.some((known) => known === stack), stack)
})
