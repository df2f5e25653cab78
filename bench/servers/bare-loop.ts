/**
 * The least that a stream of an async generator can be: a loop that iterates, writes JSON, joins 16 KiB, writes them and
 * waits while the client is busy. It checks nothing, and an event waits until 16 KiB have come together, so it is no server
 * for events that must arrive at once.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { obey } from './control.ts'
import { fast, frame, type BenchData, type BenchEvent } from './event.ts'

const JOINED_CHARACTERS = 16 * 1024

const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.flushHeaders()
  writeAll(response, fast(request.url ?? ''))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
obey(server, () => { throw new Error('it publishes nothing') })

type Events = AsyncIterable<BenchEvent<BenchData | string>>

async function writeAll (response: ServerResponse, events: Events): Promise<void> {
  let text = ''
  for await (const event of events) {
    text += frame(event)
    if (text.length < JOINED_CHARACTERS) continue
    if (!response.write(text)) await once(response, 'drain')
    text = ''
  }
  response.end(text)
}
