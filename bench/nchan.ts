/**
 * nchan, a module of nginx: the fan-out that people put beside an application. Its configuration is written to a temporary
 * folder, one worker, all else as nginx has it; events are published by HTTP POST over one connection.
 */
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { cpuMicroseconds, residentBytes } from './proc.ts'
import { Program } from './program.ts'
import type { BenchServer, ServerSetting } from './servers.ts'
import { EVENT_TYPE, nextEvent } from './servers/event.ts'
import type { Workshop } from './workshop.ts'

// Debian puts servers where an ordinary user's PATH does not look
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
const MODULES = ['/usr/lib/nginx/modules', '/usr/share/nginx/modules', '/usr/lib64/nginx/modules']
const STARTS_WITHIN_MS = 5_000

const nginx = FOLDERS.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path))
const nchanModule = MODULES.map((folder) => join(folder, 'ngx_nchan_module.so')).find((path) => existsSync(path))

/** Why it can not be measured here. */
export function missingNchan (): string | undefined {
  if (nginx === undefined) return 'nginx is not installed (Debian packages "nginx" and "libnginx-mod-nchan")'
  return nchanModule === undefined ? 'nchan is not installed (Debian package "libnginx-mod-nchan")' : undefined
}

/** Starts it. */
export async function startNchan (workshop: Workshop, { heartbeatMs }: ServerSetting): Promise<BenchServer> {
  const folder = join(workshop.folder, 'nchan')
  const port = await freePort()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'nginx.conf'), configuration({ folder, port, heartbeatMs }))
  const program = new Program({ name: 'nchan', command: nginx ?? 'nginx', args: ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'] })
  const publisher = await connected(port)
  return {
    port,
    publish: (count, bytes) => { publisher.write(Array.from({ length: count }, () => post(bytes)).join('')) },
    collect: async () => {},
    cpuMicroseconds: () => cpuMicroseconds(program.pid),
    residentBytes: () => residentBytes(program.pid),
    stop: () => {
      publisher.destroy()
      return program.stop()
    }
  }
}

function configuration ({ folder, port, heartbeatMs }: { folder: string, port: number, heartbeatMs: number | undefined }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
  return `
    load_module ${nchanModule};
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    pid ${folder}/nginx.pid;
    error_log stderr crit;
    worker_processes 1;
    worker_rlimit_nofile 20000;
    events { worker_connections 19000; }
    http {
      access_log off;
      ${temporary}
      keepalive_requests 100000000;
      nchan_message_buffer_length 1000;
      server {
        listen 127.0.0.1:${port} backlog=1024;
        location = /publish { nchan_publisher; nchan_channel_id bench; }
        location = /feed {
          nchan_subscriber eventsource;
          nchan_channel_id bench;
          nchan_subscriber_first_message newest;
          ${heartbeatMs === undefined ? '' : `nchan_eventsource_ping_interval ${Math.ceil(heartbeatMs / 1000)}; nchan_eventsource_ping_event ""; nchan_eventsource_ping_comment beat;`}
        }
      }
    }
  `
}

function post (bytes: number): string {
  const body = JSON.stringify(nextEvent(bytes).data)
  return `POST /publish HTTP/1.1\r\nhost: bench\r\nx-eventsource-event: ${EVENT_TYPE}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

async function connected (port: number): Promise<Socket> {
  const until = Date.now() + STARTS_WITHIN_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      // its answers are not looked at: what was delivered is counted
      return socket.resume()
    } catch (cause) {
      if (Date.now() > until) throw new Error(`nginx has not begun to listen within ${STARTS_WITHIN_MS} ms`, { cause })
      await setTimeout(20)
    }
  }
}

/** nginx can not say which port it was given, so one is asked for, and let go again. */
async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  server.close()
  await once(server, 'close')
  return port
}
