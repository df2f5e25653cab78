/**
 * The bench itself, with little to do: that what it counts is what was sent, with either load client, and that nothing of it
 * stays behind. What it measures is not looked at: figures of a busy machine mean nothing.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readOptions, UsageError } from '../../bench/options.ts'
import { Sequence } from '../../bench/sequence.ts'
import { bench, onLinux, processesWith, type Sample } from './run.ts'

async function measuresExactly (t: Test, ...args: string[]): Promise<string> {
  const json = join(t.testdir(), 'figures.json')
  const { output, errors, code, mark } = await bench(
    '--quick', '--rounds', '1', '--connections', '20', '--workloads', 'lone,burst', '--servers', 'eventfeed,node-http', '--json', json, ...args)
  t.equal(code, 0, errors)
  const { samples } = JSON.parse(readFileSync(json, 'utf8')) as { samples: Sample[] }
  t.strictSame(samples.map(({ workload, server }) => `${workload} ${server}`).sort(), ['burst eventfeed', 'burst node-http', 'lone eventfeed', 'lone node-http'])
  for (const { workload, server, connections, delivered, due } of samples) {
    t.equal(connections, 20)
    t.ok(due > 0 && due % (workload === 'burst' ? 2_000 : 20) === 0, 'whole events were due to all connections')
    t.equal(delivered, due, `${server} delivered what was due in ${workload}`)
  }
  t.match(output, /bare node:http +[\d.]+ +[\d.]+–[\d.]+ +[\d.]+ +[\d.]+–[\d.]+/, 'a line has the ratio and its spread')
  t.equal(processesWith(mark), 0, 'no process is left')
  return output
}

t.test('every event that was due is counted once', onLinux, async (t) => {
  t.match(await measuresExactly(t), /load client in (C|Node)/)
})

t.test('the load client in Node counts the same', onLinux, async (t) => {
  t.match(await measuresExactly(t, '--node-client'), /load client in Node/)
})

t.test('workloads of feeds give figures, and leave no process', onLinux, async (t) => {
  const json = join(t.testdir(), 'figures.json')
  const { output, errors, code, mark } = await bench('--quick', '--connections', '100', '--workloads', 'keyed,where', '--json', json)
  t.equal(code, 0, errors)
  const { feeds, samples } = JSON.parse(readFileSync(json, 'utf8')) as { feeds: Record<string, Array<{ label: string, value: number }>>, samples: Sample[] }
  t.strictSame(Object.keys(feeds), ['keyed', 'where'])
  for (const { label, value } of Object.values(feeds).flat()) t.ok(value > 0 && value < Infinity, label)
  t.equal(samples.length, 0, 'nothing else was played')
  t.match(output, /where ÷ bare loop +[\d.]+ × +[\d.]+–[\d.]+ +≤ 3: (holds|MISSED)/, 'a line has the figure, its range and what became of the target')
  t.equal(processesWith(mark), 0, 'no process is left')
})

t.test('a wrong option is named, with those that there are', async (t) => {
  const refused = (pattern: RegExp, ...args: string[]): void => { t.throws(() => readOptions(args), { constructor: UsageError, message: pattern }) }
  refused(/--workloads does not know "nonsense"; there are: lone, burst/, '--workloads', 'lone,nonsense')
  refused(/--servers does not know ""; there are: eventfeed/, '--servers', '')
  refused(/--rounds takes a whole number from 1, not "0"/, '--rounds', '0')
  refused(/--fast/, '--fast')
  t.equal(readOptions(['--rounds', '1'])?.rounds, 1)
  t.equal(readOptions([])?.feeds.length, 0, 'those of feeds are played where they are asked for')
  t.strictSame([readOptions(['--feeds'])?.workloads.length, readOptions(['--feeds'])?.feeds[0]?.name], [0, 'keyed'])
  t.equal(readOptions(['--help']), undefined)
})

t.test('a marker is counted wherever the text is cut', async (t) => {
  const sequence = new Sequence(Buffer.from('aab'))
  const text = Buffer.from('aaab aab aaaab ab')
  for (let cut = 0; cut <= text.length; cut++) {
    const match = { matched: 0 }
    t.equal(sequence.count(text.subarray(0, cut), match).found + sequence.count(text.subarray(cut), match).found, 3)
  }
  t.strictSame(sequence.count(text, { matched: 0 }, 1), { found: 1, end: 4 })
})
