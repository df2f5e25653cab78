/** What the bench counts where streams are opened and left, and beside another checkout. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { FIRST_EVENT } from '../../bench/servers/event.ts'
import { bench, onLinux, processesWith, PROJECT, type Sample } from './run.ts'

async function connectsExactly (t: Test, servers: readonly string[], ...args: string[]): Promise<void> {
  const json = join(t.testdir(), 'figures.json')
  const { errors, code, mark } = await bench(
    '--quick', '--connections', '20', '--workloads', 'connect-query-beside',
    '--servers', servers.join(','), '--json', json, ...args)
  t.equal(code, 0, errors)
  const { samples } = JSON.parse(readFileSync(json, 'utf8')) as { samples: Array<Sample & { bytesEach: number }> }
  t.strictSame(samples.map(({ server }) => server).sort(), servers)
  for (const { server, delivered, due, bytesEach } of samples) {
    t.equal(delivered, due, `all who visited ${server} got an event`)
    // a chunk's frame takes some bytes, and whether there is one of them or two is the server's choice
    t.ok(Math.abs(bytesEach - FIRST_EVENT.length) < 13, `${server} sends an event of the same size: ${bytesEach} bytes`)
  }
  t.equal(processesWith(mark), 0, 'no process is left')
}

t.test('each visitor is counted once, and gets as many bytes from each server', onLinux, async (t) => {
  await connectsExactly(t, ['eventfeed', 'fastify-sse', 'hijack'])
})

t.test('visitors of the load client in Node are counted the same', onLinux, async (t) => {
  await connectsExactly(t, ['eventfeed'], '--node-client')
})

t.test('another checkout is one more server, compared in pairs', onLinux, async (t) => {
  const json = join(t.testdir(), 'figures.json')
  const { output, errors, code, mark } = await bench(
    '--quick', '--rounds', '2', '--workloads', 'publish',
    '--servers', 'eventfeed', '--before', PROJECT, '--json', json)
  t.equal(code, 0, errors)
  const { samples } = JSON.parse(readFileSync(json, 'utf8')) as { samples: Sample[] }
  t.strictSame(samples.map(({ workload, server }) => `${workload} ${server}`), [
    'publish before', 'publish eventfeed', 'publish eventfeed', 'publish before'
  ], 'the order alternates')
  for (const { workload, server, delivered, due } of samples) t.equal(delivered, due, `${server} delivered all of ${workload}`)
  t.match(output, /the version before +[\d.]+ +[\d.]+–[\d.]+ +[\d.]+ +[\d.]+–[\d.]+/, 'a line has ratio and spread')
  t.equal(processesWith(mark), 0, 'no process is left')
})
