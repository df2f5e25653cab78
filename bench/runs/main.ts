/**
 * What runs cost, beside one plain generator for each client; and whether each client of 1,000 runs has all events once
 * and in order, though half of them reload, and the memory is back when the runs are freed.
 *
 *     npm run build && npx tsx bench/runs/main.ts cost [rounds]
 *     npm run build && npx tsx bench/runs/main.ts thousand
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from './client.ts'

/** What a server does: one generator for each client, one run for several, or the least that any program could do for as many. */
type Kind = 'generators' | 'runs' | 'bare'

interface Used { readonly cpu: number, readonly heap: number, readonly runs: { readonly kept: number, readonly running: number, readonly bytes: number } }

const [CLIENTS, EVERY_MS, WARM_UP_MS, WINDOW_MS] = [1_000, 100, 4_000, 6_000]
const [RUNS, EVENTS, KEEP_MS] = [1_000, 300, 15_000]
/** With how many followers a run has, its CPU time for each event delivered may be so much of a generator's. */
const TARGETS = new Map([[2, 0.85], [10, 0.65]])

async function start (kind: Kind, ...settings: number[]): Promise<{ server: ChildProcess, port: number, used: () => Promise<Used> }> {
  const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), [kind, ...settings.map(String)], { execArgv: ['--import', 'tsx', '--expose-gc'] })
  const [{ port }] = await once(server, 'message') as [{ port: number }]
  return {
    server,
    port,
    used: async () => {
      server.send('used')
      const [used] = await once(server, 'message') as [Used]
      return used
    }
  }
}

/** Microseconds of CPU time for each event that arrives. @param followers of each run */
async function costOf (kind: Kind, followers: number): Promise<number> {
  const { server, port, used } = await start(kind, followers, 100_000, EVERY_MS)
  const clients = Array.from({ length: CLIENTS }, (_, number) => new Client(port, `/${number}`, false))
  const count = (): number => clients.reduce((sum, { events }) => sum + events, 0)
  for (const client of clients) client.open()
  await setTimeout(WARM_UP_MS)
  const [before, eventsBefore] = [await used(), count()]
  await setTimeout(WINDOW_MS)
  const [after, eventsAfter] = [await used(), count()]
  for (const client of clients) client.close()
  server.kill()
  return (after.cpu - before.cpu) / (eventsAfter - eventsBefore)
}

function median (values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

async function cost (rounds: number): Promise<void> {
  const ratios = new Map<number, number[]>()
  const least = new Map<number, number[]>()
  for (let round = 1; round <= rounds; round++) {
    const plain = await costOf('generators', 1)
    for (const followers of TARGETS.keys()) {
      const [value, bare] = [await costOf('runs', followers), await costOf('bare', followers)]
      ratios.set(followers, [...ratios.get(followers) ?? [], value / plain])
      least.set(followers, [...least.get(followers) ?? [], bare / plain])
      console.log(`round ${round}: a generator each ${plain.toFixed(1)} µs for each event, ${followers} followers ${value.toFixed(1)} µs: ${(value / plain).toFixed(2)}; the least ${bare.toFixed(1)} µs: ${(bare / plain).toFixed(2)}`)
    }
  }
  for (const [followers, values] of ratios) {
    const target = TARGETS.get(followers) ?? 0
    console.log(`${followers} followers: ${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}) of a generator each; at most ${target}; the least that any program could take is ${median(least.get(followers) ?? []).toFixed(2)}`)
    if (median(values) > target) process.exitCode = 1
  }
}

async function thousand (): Promise<void> {
  const { server, port, used } = await start('runs', 2, EVENTS, EVERY_MS, KEEP_MS)
  const before = await used()
  const clients = Array.from({ length: 2 * RUNS }, (_, number) => new Client(port, `/${number}`, true))
  for (const client of clients) client.open()
  let reloads = 0
  while (clients.some(({ isDone }) => !isDone)) {
    await setTimeout(EVERY_MS)
    for (let number = 1; number < clients.length; number += 2) {
      const client = clients[number]
      if (client === undefined || client.isDone || Math.random() > 0.01) continue
      reloads++
      client.close()
      client.open()
    }
  }
  const wrongs = clients.flatMap(({ events, wrongs }) => events === EVENTS ? wrongs : [...wrongs, `${events} events`])
  const kept = await used()
  for (const client of clients) client.close()
  await setTimeout(KEEP_MS + 1_000)
  const after = await used()
  server.kill()
  const mebibytes = (bytes: number): string => `${((bytes - before.heap) / 2 ** 20).toFixed(1)} MiB`
  console.log(`${clients.length} clients of ${RUNS} runs, ${reloads} reloads: ${wrongs.length} wrongs ${wrongs.slice(0, 5).join('; ')}`)
  console.log(`the heap of the server, above an empty one: ${mebibytes(kept.heap)} while ${kept.runs.kept} runs are kept, ${mebibytes(after.heap)} after that, with ${after.runs.kept} kept and ${after.runs.bytes} bytes held`)
  if (wrongs.length > 0 || after.runs.bytes !== 0) process.exitCode = 1
}

const [, , what, rounds = '3'] = process.argv
if (what === 'cost') await cost(Number(rounds))
else if (what === 'thousand') await thousand()
else console.error('npx tsx bench/runs/main.ts cost [rounds] | thousand')
