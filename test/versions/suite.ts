/** Runs the tests of a folder by a given Node, and counts. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { delimiter } from 'node:path'
import { createInterface } from 'node:readline'
import type { NodeBinary } from './node-binary.ts'
import { cleanEnvironment } from './programs.ts'

/** What became of the assertions. */
export interface Counted {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** The test files that failed, each with its claims that did not hold. */
  readonly failures: readonly string[]
}

/** A line of a test file, of a claim that failed, or tap's totals, such as `# { total: 12, pass: 10, fail: 2 }`. */
const FILE = /^(?:not )?ok \d+ - (?<file>\S+)/
const FAILED = /^(?<indent> *)not ok \d+ - (?!.*# (?:SKIP|TODO))(?<claim>.*)/
const TOTALS = /^# \{ total: \d+/

/** Runs tap in a folder. No files: all tests. Says which files it has done while it goes. */
export async function runSuite (folder: string, node: NodeBinary, files: readonly string[]): Promise<Counted> {
  const environment = cleanEnvironment()
  const tap = spawn('node', ['node_modules/tap/dist/esm/run.mjs', '--reporter=tap', '--disable-coverage', ...files], {
    cwd: folder,
    // what tests start by name, such as npm, runs by this Node too
    env: { ...environment, PATH: `${node.folder}${delimiter}${environment['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(tap, 'exit')
  const failures: string[] = []
  let claims: string[] = []
  let totals = ''
  for await (const line of createInterface(tap.stdout)) {
    const failed = FAILED.exec(line)?.groups
    const file = FILE.exec(line)?.groups?.['file']
    if (file !== undefined) {
      console.log(line)
      if (failed !== undefined) failures.push([file, ...claims].join('\n'))
      claims = []
    } else if (failed !== undefined) claims.push(`  ${failed['indent']}${failed['claim']}`)
    else if (TOTALS.test(line)) totals = line
  }
  const [code] = await exited
  const count = (name: string): number => Number(new RegExp(`[{ ]${name}: (\\d+)`).exec(totals)?.[1] ?? 0)
  // without totals nothing was tested, and tap may also fail for another reason than a test
  if (count('total') === 0) failures.push(`tap gave no totals, and ended with ${code}`)
  else if (code !== 0 && failures.length === 0) failures.push(`tap ended with ${code}`)
  const failed = Math.max(count('fail'), Math.sign(failures.length))
  return { passed: count('pass'), failed, skipped: count('skip'), failures }
}
