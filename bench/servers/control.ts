/**
 * How the bench commands a server in Node: lines on its standard input, one command each. All servers in Node share this
 * file, so it costs them the same. It ends the process when the input ends, so that no server outlives the bench.
 *
 * - `publish <count> <bytes>`: publishes so many events in one tick
 * - `collect`: collects garbage, and answers `collected`
 */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nextEvent, type BenchEvent } from './event.ts'

/** How often an idle connection gets a heartbeat; `undefined` leaves it to the library's default. */
export const heartbeatMs: number | undefined = process.env.BENCH_HEARTBEAT_MS === undefined ? undefined : Number(process.env.BENCH_HEARTBEAT_MS)

/** Says where the listening `server` listens, and obeys commands. */
export function obey (server: Server, publish: (event: BenchEvent) => void): void {
  let rest = ''
  process.stdin.setEncoding('latin1')
  process.stdin.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) run(line, publish)
  })
  process.stdin.on('end', () => { process.exit() })
  console.log(`listening ${(server.address() as AddressInfo).port}`) // it listens on TCP
}

function run (line: string, publish: (event: BenchEvent) => void): void {
  const [command, count, bytes] = line.split(' ')
  if (command === 'publish') {
    for (let published = 0; published < Number(count); published++) publish(nextEvent(Number(bytes)))
  } else if (command === 'collect') {
    collect()
  } else {
    throw new Error(`no command: ${line}`)
  }
}

/** Several times, because what finalizers let go is collected the next time. */
function collect (): void {
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  console.log('collected')
}
