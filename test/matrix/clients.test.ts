import t from 'tap'
import { Host } from './host.ts'
import { playRows } from './play-rows.ts'
import { ROWS } from './rows.ts'
import type { Subject } from './cases.ts'

const host = new Host('drivers.mjs')
const oldHost = new Host('drivers.mjs', { node: '22' })
t.teardown(() => Promise.all([host.close(), oldHost.close()]))

/** Clients whose row does not name their driver. */
const CLIENTS: Record<string, Subject['client']> = {
  'EventSource of Node 24': host.client('EventSource of Node'),
  'EventSource of Node 22': oldHost.client('EventSource of Node')
}

playRows(t, ROWS, ({ client }) => ({ client: CLIENTS[client] ?? host.client(client) }))

t.test('no client throws where nobody catches it', async (t) => {
  t.strictSame([...host.strays, ...oldHost.strays], [])
})
