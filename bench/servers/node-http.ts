/** Bare node:http: what can be had without a framework or a library. One buffer for all, written to each response. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { heartbeatMs, obey } from './control.ts'
import { fast, frame, type BenchData, type BenchEvent } from './event.ts'
import { paced } from './paced.ts'

const responses = new Set<ServerResponse>()
const heartbeat = Buffer.from(':\n\n')

const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.flushHeaders()
  if (request.url === '/feed') {
    responses.add(response)
    response.on('close', () => { responses.delete(response) })
  } else {
    writeAll(response, request.url === '/paced' ? paced() : fast(request.url ?? ''))
  }
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
if (heartbeatMs !== undefined) setInterval(() => { writeToAll(heartbeat) }, heartbeatMs)
obey(server, (event) => { writeToAll(Buffer.from(frame(event))) })

function writeToAll (bytes: Buffer): void {
  for (const response of responses) response.write(bytes)
}

async function writeAll (response: ServerResponse, events: AsyncIterable<BenchEvent<BenchData | string>>): Promise<void> {
  for await (const event of events) {
    if (!response.write(frame(event))) await once(response, 'drain')
  }
  response.end()
}
