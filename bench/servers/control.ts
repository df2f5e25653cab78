/**
 * How the bench commands a server in Node: lines on its standard input, one command each. All servers in Node share this
 * file, so it costs them the same. It ends the process when the input ends, so that no server outlives the bench.
 *
 * - `publish <count> <bytes>`: publishes so many events in one tick
 * - `collect`: collects garbage, and answers `collected`
 * - what a server adds: answered by its own name, and what it gives, if anything
 */
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nextEvent, type BenchEvent } from './event.ts'

/** How often an idle connection gets a heartbeat; `undefined` leaves it to the library's default. */
export const heartbeatMs: number | undefined = process.env.BENCH_HEARTBEAT_MS === undefined ? undefined : Number(process.env.BENCH_HEARTBEAT_MS)

/** What a server can do besides, by the names of the commands. What gives `undefined` is not answered: an answer costs CPU time. */
export type Commands = Readonly<Record<string, (...words: string[]) => string | Promise<string> | undefined>>

/** Says where the listening `server` listens, and obeys commands. */
export function obey (server: Server, publish: (event: BenchEvent) => void, commands: Commands = {}): void {
  let rest = ''
  process.stdin.setEncoding('latin1')
  process.stdin.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) run(line, publish, commands)
  })
  process.stdin.on('end', () => { process.exit() })
  console.log(`listening ${(server.address() as AddressInfo).port}`) // it listens on TCP
}

function run (line: string, publish: (event: BenchEvent) => void, commands: Commands): void {
  const [command = '', ...words] = line.split(' ')
  const [count, bytes] = words
  const own = commands[command]
  if (command === 'publish') {
    for (let published = 0; published < Number(count); published++) publish(nextEvent(Number(bytes)))
  } else if (command === 'collect') {
    collect()
  } else if (own !== undefined) {
    const given = own(...words)
    if (given !== undefined) answer(command, given)
  } else {
    throw new Error(`no command: ${line}`)
  }
}

async function answer (command: string, given: string | Promise<string>): Promise<void> {
  console.log(`${command} ${await given}`)
}

/** Several times, because what finalizers let go is collected the next time. */
function collect (): void {
  for (let times = 0; times < 3; times++) globalThis.gc?.()
  console.log('collected')
}
