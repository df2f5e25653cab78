/**
 * What Node alone costs: one chunk for all, made once, and one `socket.write` for each connection, without library or response
 * in between. It looks at no reader, so it is no server for those that stall; whoever writes to sockets in Node costs more.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { heartbeatMs, obey } from './control.ts'
import { frame } from './event.ts'

const sockets: Socket[] = []

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.flushHeaders()
  if (response.socket !== null) sockets.push(response.socket)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
if (heartbeatMs !== undefined) beat(heartbeatMs)
obey(server, (event) => {
  const bytes = chunk(frame(event))
  for (const socket of sockets) socket.write(bytes)
})

/** Spread over the interval, as ours are: neighbours together. */
function beat (everyMs: number): void {
  const slices = 64
  const bytes = chunk(':\n')
  let slice = 0
  setInterval(() => {
    const length = Math.ceil(sockets.length / slices)
    for (const socket of sockets.slice(slice * length, (slice + 1) * length)) socket.write(bytes)
    slice = (slice + 1) % slices
  }, everyMs / slices)
}

function chunk (text: string): Buffer {
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`)
}
