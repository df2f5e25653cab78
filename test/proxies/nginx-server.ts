/** A real nginx before an app: a process of its own, configured in a temporary folder, with nothing in it about event streams. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { nginx } from '../programs.ts'

/**
 * Starts nginx as a proxy of `upstream`, an origin, by default for all paths; `locations` are others, as nginx words
 * them. Gives its own origin; it stops, and its folder goes, when the test ends.
 */
export async function startNginx (
  t: Test, upstream: string, locations = `location / { proxy_pass ${upstream}; }`
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'eventfeed-nginx-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))

  // another process may take the free port before nginx has it
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const config = join(folder, 'nginx.conf')
    await writeFile(config, configuration({ folder, port, locations }))
    const server = spawn(nginx.path, ['-c', config, '-p', folder, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] })
    const exited = once(server, 'exit')
    t.teardown(async () => {
      server.kill('SIGTERM')
      await exited
    })
    const complaints: string[] = []
    // it says so when its workers are about to start; it listens by then
    const started = new Promise<true>((resolve) => {
      createInterface(server.stderr).on('line', (line) => {
        complaints.push(line)
        if (line.includes('start worker processes')) resolve(true)
      })
    })
    if (await Promise.race([started, exited.then(() => false)])) return `http://127.0.0.1:${port}`
    if (attempt === 3) throw new Error(`nginx does not start:\n${complaints.join('\n')}`)
  }
}

function configuration ({ folder, port, locations }: { folder: string, port: number, locations: string }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  return `
    daemon off;
    pid ${folder}/nginx.pid;
    error_log stderr notice;
    events {}
    http {
      access_log off;
      ${temporary.join('\n      ')}
      server {
        listen 127.0.0.1:${port};
        ${locations}
      }
    }
  `
}

/** A port that nobody listened on a moment ago. */
export async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server's address is never a string
  await once(server.close(), 'close')
  return port
}
