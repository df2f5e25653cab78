/** Cached forms of entries: frames of variants and parsed data. They leave before entries do, within a share of their own. */
import t from 'tap'
import { ENTRY_BYTES, FORMS_SHARE, RETAIN_BYTES } from '../../lib/defaults.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { Forms, type FormKeeper } from '../../lib/feed/forms.ts'
import { feedOf, heldBytes, OpenStream, turn, until } from './open-stream.ts'

const USERS = 100
const EVENTS = 600

t.test('a projection for each user, two windows each, takes no entry from the history', async (t) => {
  // of 1,000 users, and of a log of the default size, a tenth
  const bytes = Math.floor(RETAIN_BYTES / 1_000 * USERS)
  const feed = feedOf({ retain: { bytes } })
  const streams = Array.from({ length: USERS }, (_, user) => feed.subscribe({ as: ({ data }) => ({ data: { data, user, text: 'x'.repeat(100) } }) }))
    .flatMap((subscription) => [new OpenStream(subscription), new OpenStream(subscription)])
  let most = 0
  for (let number = 0; number < EVENTS; number++) {
    feed.publish({ event: 'message', data: number })
    if (number % 100 === 0) await turn()
    most = Math.max(most, feed.window.forms.bytes)
  }
  await until(() => streams.every(({ events }) => events.length === EVENTS + 1), 'all get all')
  const { entries, bytes: held } = feed.stats()
  t.equal(entries, EVENTS)
  t.ok(held <= bytes, `${held} of ${bytes} bytes`)
  t.ok(most > 0 && most <= bytes * FORMS_SHARE, `${most} bytes of forms`)
  for (const stream of streams) stream.close()
  t.ok(feed.window.forms.bytes < 10_000, 'only parsed data is left')
})

t.test('an entry leaves only for entries: forms make room for it first, and are made again for who asks', async (t) => {
  const SIZE = ENTRY_BYTES + 'message'.length + 102
  const feed = feedOf({ retain: { bytes: 20 * SIZE } })
  const publish = (number: number): string => String(feed.publish({ event: 'message', data: String(number).padStart(100, '0') }))
  const options = [{}, { as: ({ data }: { data: unknown }) => ({ data: { data } }) }, { where: () => true }]
  const streams = options.flatMap((option) => [new OpenStream(feed.subscribe(option)), new OpenStream(feed.subscribe(option))])
  for (let number = 1; number <= 60; number++) {
    publish(number)
    await turn()
    await turn()
    const { entries, bytes } = feed.stats()
    t.equal(entries, Math.min(number, 20))
    t.ok(bytes <= 20 * SIZE, `${bytes} bytes`)
    if (number === 5) t.ok(feed.window.forms.bytes > 0, 'where there is room, forms are kept')
  }
  for (const [index, stream] of streams.entries()) {
    t.equal(stream.own.length, 60)
    const back = new OpenStream(feed.subscribe(options[Math.floor(index / 2)]), { after: stream.own[45]?.id })
    t.strictSame(back.own, stream.own.slice(46), 'the same as when it was new')
    back.close()
    stream.close()
  }
})

t.test('the parsed data that filters see counts as a form, and leaves with its entry', async (t) => {
  const feed = feedOf({ retain: { entries: 10 } })
  const stream = new OpenStream(feed.subscribe({ where: () => true }))
  const bare = publishNumbers(feed, 1)
  await turn()
  const parsed = feed.stats().bytes
  t.ok(parsed > bare, `${parsed} bytes, of which ${bare} are the entry`)
  publishNumbers(feed, 10)
  await turn()
  publishNumbers(feed, 10)
  t.equal(feed.window.forms.bytes, 0, 'none is left of those that have left')
  stream.close()
})

t.test('forms leave by what each of their readers may have: those that many share leave last', async (t) => {
  const forms = new Forms(2_000)
  const keepers = [[1, 400], [1, 30], [8, 500]].map(([readers = 0, bytes = 0]) => new Keeper(forms, readers, bytes))
  t.strictSame(keepers.map(({ bytes }) => bytes), [400, 30, 500], 'up to the share nothing leaves')
  keepers[0]?.add(100)
  const [few = NaN, little, many] = keepers.map(({ bytes }) => bytes)
  t.strictSame([little, many], [30, 500])
  t.ok(few < 400 && few > 200, `${few} bytes are left to the one that takes most for each reader`)
  forms.shrink(0)
  t.strictSame(keepers.map(({ bytes }) => bytes), [0, 0, 0])
})

t.test('a thousand variants that keep little take little memory beside what is counted', async (t) => {
  const feed = feedOf()
  const before = await heldBytes() + process.memoryUsage().arrayBuffers
  const subscriptions = Array.from({ length: 1_000 }, (_, user) => feed.subscribe({ as: ({ data, key }) => key === String(user) ? { data } : undefined, keys: [String(user)] }))
  const streams = subscriptions.flatMap((subscription) => [new OpenStream(subscription), new OpenStream(subscription)])
  const opened = await heldBytes() + process.memoryUsage().arrayBuffers
  for (let number = 0; number < 4_000; number++) feed.publish({ event: 'message', data: number, key: String(number % 1_000) })
  await until(() => streams.every(({ own }) => own.length === 4), 'all get theirs')
  for (const stream of streams) stream.events.length = 0
  const held = await heldBytes() + process.memoryUsage().arrayBuffers - opened
  const counted = feed.stats().bytes
  t.ok(held < 3 * counted, `${held} bytes are held, ${counted} counted, ${opened - before} for the streams`)
  for (const stream of streams) stream.close()
})

/** Publishes numbers. Returns what the log holds then. */
function publishNumbers (feed: LogFeed, count: number): number {
  for (let number = 0; number < count; number++) feed.publish({ event: 'message', data: { number } })
  return feed.stats().bytes
}

class Keeper implements FormKeeper {
  bytes = 0
  readonly readers: number
  readonly #forms: Forms

  constructor (forms: Forms, readers: number, bytes: number) {
    this.#forms = forms
    this.readers = readers
    forms.add(this)
    this.add(bytes)
  }

  add (bytes: number): void {
    this.bytes += bytes
    this.#forms.charge(bytes)
  }

  shrink (bytes: number): void {
    this.add(Math.floor(bytes) - this.bytes)
  }
}
