/** The least that publishing can be: JSON of each event, kept for as long as the log of a feed keeps it by itself. It has no streams. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { obey } from './control.ts'
import { nextPage } from './event.ts'

const KEPT = 10_000

const kept: string[] = []
let published = 0
const server = createServer()
server.listen(0, '127.0.0.1')
await once(server, 'listening')
obey(server, () => { throw new Error('nobody can follow it') }, { each: publishEach })

async function publishEach (count = ''): Promise<string> {
  for (let left = Number(count); left > 0; left--) {
    kept[published++ % KEPT] = JSON.stringify(nextPage().data)
    await new Promise<void>((resolve) => { process.nextTick(resolve) })
  }
  return count
}
