/** Functions that publish while their stream is read, so that a small log drops what is just being read: never a silent hole. */
import t from 'tap'
import type { EntryView } from '../../lib/index.ts'
import { feedOf, OpenStream, turn } from '../feed/open-stream.ts'

const LAST = 40

for (const mode of ['skip', 'latest', 'disconnect'] as const) {
  for (const place of ['where', 'as'] as const) {
    for (const keys of [undefined, ['a']]) {
      for (const streams of [1, 2]) {
        t.test(`${place} that publishes, ${mode}, ${keys === undefined ? 'all' : 'by key'}, ${streams} at once: what is dropped is told`, async (t) => {
          const feed = feedOf({ retain: { entries: 4 }, mode })
          let published = 0
          const publish = (): void => { if (published < LAST) feed.publish({ event: 'message', data: ++published, key: 'a' }) }
          const calls = new Set<string>()
          const call = ({ id, event, data }: EntryView): { event: string, data: unknown } => {
            // once for each entry, or nothing would ever be read
            if (!calls.has(id)) {
              calls.add(id)
              for (let count = 0; count < 3; count++) publish()
            }
            return { event, data }
          }
          const subscription = feed.subscribe({ from: 'earliest', keys, [place]: call })
          for (let count = 0; count < 4; count++) publish()
          const open = Array.from({ length: streams }, () => new OpenStream(subscription))
          for (let turns = 0; turns < LAST; turns++) {
            publish()
            await turn()
          }
          await turn()
          for (const stream of open) {
            let before = 0
            let isTold = false
            for (const { event, data } of stream.events) {
              if (event === 'stream:gap') isTold = true
              if (event !== 'message') continue
              const number = Number(data)
              t.ok(before === 0 || number === before + 1 || (isTold && number > before), `${number} after ${before}: ${stream.data.join(' ')}`)
              before = number
              isTold = false
            }
            if (stream.source.end === undefined) t.equal(before, LAST)
            else t.strictSame(stream.source.end, { kind: 'lagged' })
            stream.close()
          }
          t.equal(feed.stats().streams, 0)
        })
      }
    }
  }
}
