/**
 * The workload `client`: the CPU time of a client in Node for each event that it reads over a socket, with its data
 * parsed, beside other clients and beside the least that any could do, which is `fetch`, `eventsource-parser` and
 * `JSON.parse`.
 *
 *     npx tsx bench/client/main.ts [rounds]
 *
 * `flood`: as fast as it goes, so that many events come in one chunk. `single`: each event is a write of its own.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const LEAST = 'parser'
const OTHERS = ['loop', 'listener', 'eventsource', 'eventsource-client']
/** Ours may take so much of the least. */
const [OURS, TARGET] = [['loop', 'listener'], 1.5]
const SHAPES = [
  { name: 'flood', warmUp: 50_000, events: 300_000, atOnce: 500 },
  { name: 'single', warmUp: 5_000, events: 30_000, atOnce: 1 }
]

function event (number: number): string {
  const data = { number, from: 'ada', text: 'the quick brown fox jumps over the lazy dog, and runs away', at: 1_780_000_000_000, tags: ['a', 'b'] }
  return `data: ${JSON.stringify(data)}\nid: 3f2a-${number}\n\n`
}

/** Writes events, as many at once as said, as fast as the client takes them. */
async function write (response: ServerResponse, { warmUp, events, atOnce }: typeof SHAPES[number]): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.socket?.setNoDelay(true)
  for (let number = 1; number <= warmUp + events && !response.destroyed;) {
    let text = ''
    for (let count = 0; count < atOnce; count++) text += event(number++)
    if (!response.write(text)) await once(response, 'drain')
    else if (atOnce === 1) await setImmediate()
  }
}

async function costOf (way: string, shape: typeof SHAPES[number]): Promise<number> {
  const server = createServer((_request, response) => write(response, shape)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const reader = fork(fileURLToPath(new URL('reader.ts', import.meta.url)), [way, url, String(shape.warmUp), String(shape.events)], { execArgv: ['--import', 'tsx'] })
  const [cost] = await once(reader, 'message') as [number]
  server.closeAllConnections()
  server.close()
  return cost
}

function median (values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

const rounds = Number(process.argv[2] ?? 3)
for (const shape of SHAPES) {
  const ratios = new Map<string, number[]>(OTHERS.map((way) => [way, []]))
  for (let round = 1; round <= rounds; round++) {
    const least = await costOf(LEAST, shape)
    // each round in another order
    const ways = OTHERS.map((_, index) => OTHERS[(index + round) % OTHERS.length] ?? '')
    for (const way of ways) {
      const cost = await costOf(way, shape)
      ratios.get(way)?.push(cost / least)
      console.log(`${shape.name}, round ${round}: ${way} ${cost.toFixed(2)} µs for each event, ${LEAST} ${least.toFixed(2)} µs: ${(cost / least).toFixed(2)}`)
    }
  }
  for (const [way, values] of ratios) {
    const isMissed = OURS.includes(way) && median(values) > TARGET
    console.log(`${shape.name}, ${way}: ${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}) of the least${OURS.includes(way) ? `; at most ${TARGET}` : ''}`)
    if (isMissed) process.exitCode = 1
  }
}
