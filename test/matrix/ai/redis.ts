/** A real Redis: a process of its own, which keeps nothing on the disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePort } from '../../proxies/nginx-server.ts'
import { redisServer } from './installed.ts'

/** Starts one on a free port. Gives its address; it stops when the test ends. */
export async function startRedis (t: Test): Promise<string> {
  // another process may take the free port before Redis has it
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const options = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no']
    const server = spawn(redisServer.path, options, { stdio: ['ignore', 'pipe', 'ignore'] })
    const exited = once(server, 'exit')
    t.teardown(async () => {
      server.kill('SIGKILL')
      await exited
    })
    const said: string[] = []
    const started = new Promise<true>((resolve) => {
      createInterface(server.stdout).on('line', (line) => {
        said.push(line)
        if (line.includes('Ready to accept connections')) resolve(true)
      })
    })
    if (await Promise.race([started, exited.then(() => false)])) return `redis://127.0.0.1:${port}`
    if (attempt === 3) throw new Error(`redis-server does not start:\n${said.join('\n')}`)
  }
}
