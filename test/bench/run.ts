/** Runs the bench as its command does, and looks for processes that it leaves. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

/** One server's figure in one round of one workload. */
export interface Sample { workload: string, server: string, round: number, connections: number, delivered: number, due: number }

/** Runs the bench, with a mark in its environment that its processes inherit. */
export async function bench (...args: string[]): Promise<{ output: string, errors: string, code: number, mark: string }> {
  const mark = `BENCH_TEST_${process.pid}_${args.length}_${Math.random()}`
  const child = spawn(process.execPath, ['--import', 'tsx', join(PROJECT, 'bench/main.ts'), ...args], { cwd: PROJECT, env: { ...process.env, NODE_OPTIONS: '', BENCH_TEST: mark } })
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { output, errors, code, mark }
}

/** How many processes carry `mark` in their environment. */
export function processesWith (mark: string): number {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(mark)).length
}

function environmentOf (pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}

export const onLinux = { skip: process.platform === 'linux' ? false : 'the bench needs /proc, which only Linux has' }
