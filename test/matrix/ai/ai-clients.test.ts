import t from 'tap'
import { Host } from '../host.ts'
import { AI_CASES, playAi, type AiCaseName } from './ai-cases.ts'
import { AI_ROWS } from './ai-rows.ts'
import { needAiClients, skipWithoutAiClients } from './installed.ts'

/** Rows that are played at the same time: most of the time clients wait to come back. */
const JOBS = 4

t.setTimeout(300_000)

const host = new Host('../ai/drivers.mjs', { need: needAiClients })
/** Beside its own error, AG-UI throws what has cut its line, now and then, where nobody can catch it. */
const ofAgUi = new Host('../ai/drivers.mjs', { need: needAiClients })
t.teardown(() => Promise.all([host.close(), ofAgUi.close()]))
t.jobs = JOBS

for (const { client: name, protocol, cells } of AI_ROWS) {
  t.test(`what a user of ${name} sees is what the table says`, { buffered: true, skip: skipWithoutAiClients }, async (t) => {
    const client = (name === '@ag-ui/client' ? ofAgUi : host).client(name, { skip: skipWithoutAiClients })
    const names = Object.keys(AI_CASES) as AiCaseName[] // the keys of such a record
    const played = await Promise.all(names.map(async (name) => ({ name, ...await playAi({ client, protocol }, name) })))
    for (const { name, outcome, seen } of played) t.equal(outcome, cells[name], name, { seen })
  })
}

t.test('no client throws where nobody catches it, but for AG-UI', { skip: skipWithoutAiClients }, async (t) => {
  t.strictSame(host.strays, [])
})
