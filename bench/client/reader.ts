/**
 * One client of the workload `client`, in a process of its own: reads a stream to its end, and tells what CPU time each
 * event has cost since the warm-up.
 */
import { createParser } from 'eventsource-parser'
import { EventSource } from 'eventsource'
import { createEventSource } from 'eventsource-client'
import { openFeed } from 'fastify-eventfeed/client'

/** What each event of the bench carries. */
interface Said { readonly number: number, readonly from: string, readonly text: string }

/** A way to read: calls `take` with the parsed data of each event. Closing is up to the process's end. */
type Way = (url: string, take: (data: Said) => void) => unknown

const WAYS: Readonly<Record<string, Way>> = {
  // the least: what all of them do, and nothing else
  parser: async (url, take) => {
    const { body } = await fetch(url, { headers: { accept: 'text/event-stream' } })
    const decoder = new TextDecoder()
    const parser = createParser({ onEvent: ({ data }) => { take(JSON.parse(data)) } })
    for await (const chunk of body ?? []) parser.feed(decoder.decode(chunk, { stream: true }))
  },
  loop: async (url, take) => { for await (const { data } of openFeed<{ message: Said }>(url)) take(data) },
  listener: (url, take) => openFeed<{ message: Said }>(url).on('message', ({ data }) => { take(data) }),
  eventsource: (url, take) => { new EventSource(url).addEventListener('message', ({ data }) => { take(JSON.parse(data)) }) },
  'eventsource-client': (url, take) => createEventSource({ url, onMessage: ({ data }) => { take(JSON.parse(data)) } })
}

const [way = '', url = '', warmUp = '', events = ''] = process.argv.slice(2)
const last = Number(warmUp) + Number(events)
let count = 0
let before: NodeJS.CpuUsage | undefined
WAYS[way]?.(url, ({ number }) => {
  if (number !== ++count) throw new Error(`event ${number} came as the ${count}th`)
  if (count === Number(warmUp)) before = process.cpuUsage()
  if (count !== last) return
  const { user, system } = process.cpuUsage(before)
  process.send?.((user + system) / Number(events), () => { process.exit() })
})
