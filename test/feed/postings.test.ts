/** Catching up with many keys: the postings of a key, their merge, and what a stream costs that follows thousands. */
import fc from 'fast-check'
import t from 'tap'
import { SCAN_ENTRIES } from '../../lib/defaults.ts'
import { Merge, Posting } from '../../lib/feed/posting.ts'
import type { LogFeed } from '../../lib/feed/feed.ts'
import { IndexedRing } from '../../lib/log/indexed-ring.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

for (const first of [0, 2 ** 31 - 2, 2 ** 32 - 2, 2 ** 52]) {
  t.test(`the entries of a key are found around its ${first}th`, async (t) => {
    const posting = new Posting(first)
    for (let index = 10; index <= 50; index += 10) posting.indexes.push(index)
    const numbers = [0, 10, 11, 30, 50, 51].map((from) => posting.numberOf(from) - first)
    t.strictSame(numbers, [0, 0, 1, 2, 4, 5])
    const found: number[] = []
    posting.collect(15, 2, found)
    t.strictSame(found, [20, 30])
  })
}

t.test('a merge gives the entries of all keys in the order of the log, up to its limit, and the one after those', async (t) => {
  const indexes = fc.array(fc.nat(5), { maxLength: 80 })
  fc.assert(fc.property(indexes, fc.nat(80), fc.nat(90), (keys, from, limit) => {
    const postings = Array.from({ length: 6 }, () => new Posting())
    keys.forEach((key, index) => postings[key]?.indexes.push(index))
    const merge = new Merge()
    // the last key is not followed
    for (const posting of postings.slice(0, 5)) merge.add(posting, from)
    const wanted = [...keys.keys()].filter((index) => index >= from && keys[index] !== 5)
    const found: number[] = []
    const next = merge.collect(limit, found)
    return JSON.stringify([found, next]) === JSON.stringify([wanted.slice(0, limit), wanted[limit]])
  }))
  t.pass()
})

const WAYS: Record<string, (number: number) => boolean> = {
  'all entries are its own': () => true,
  'one entry in 100 is its own': (number) => number % 100 === 0,
  'its entries stand in two blocks': (number) => number < 800 || (number > 3_000 && number % 20 < 10),
  'its first and its last entry are its own': (number) => number === 0 || number === 4_999
}

for (const [name, isOurs] of Object.entries(WAYS)) {
  t.test(`a stream with 500 keys catches up with what the equivalent filter takes, where ${name}`, async (t) => {
    const { feed, start } = published(5_000, 500, isOurs)
    const keys = keysOf(500)
    const followed = new Set(keys)
    const byKeys = new OpenStream(feed.subscribe({ keys }), { after: start })
    const byWhere = new OpenStream(feed.subscribe({ where: ({ key }) => followed.has(key ?? '') }), { after: start })
    const newest = String(feed.publish({ event: 'message', data: 'the newest', key: 'key 7' }))
    await until(() => [byKeys, byWhere].every(({ lastEventId }) => lastEventId === newest), 'both have the newest')
    t.strictSame(byKeys.own, byWhere.own)
    t.strictSame([byKeys.gaps, byWhere.gaps], [[], []])
    byKeys.close()
    byWhere.close()
  })
}

t.test('catching up with 2,000 keys looks at each entry a few times, however many there are', async (t) => {
  for (const isOurs of [() => true, (number: number) => number % 50 === 0]) {
    const few = await looksAtEntries(20_000, isOurs)
    const twice = await looksAtEntries(40_000, isOurs)
    t.ok(few < 20 * 20_000, `${few} looks at 20,000 entries`)
    t.ok(twice < 2.5 * few, `${twice} looks at 40,000`)
  }
})

t.test('a stream that reads entry by entry lets other work run after each 2,000, though its client takes all', async (t) => {
  const { feed, start } = published(7_000, 10, () => true)
  for (const options of [{ keys: keysOf(10) }, { where: () => true }]) {
    const stream = new OpenStream(feed.subscribe(options), { after: start })
    let turns = 0
    for (let had = stream.own.length; had < 7_000; had = stream.own.length) {
      await turn()
      turns++
      t.ok(stream.own.length - had <= SCAN_ENTRIES, `${stream.own.length - had} at once`)
    }
    t.ok(turns >= 3, `${turns} turns`)
    stream.close()
  }
})

function keysOf (count: number): string[] {
  return Array.from({ length: count }, (_, number) => `key ${number}`)
}

/** A feed in which so many entries stand behind `start`. */
function published (entries: number, keys: number, isOurs: (number: number) => boolean): { feed: LogFeed, start: string } {
  const feed = feedOf({ retain: { entries: entries + 2, bytes: Infinity } })
  const start = String(feed.publish({ event: 'message', data: 'the first' }))
  for (let number = 0; number < entries; number++) {
    feed.publish({ event: 'message', data: number, key: isOurs(number) ? `key ${(number * 7919) % keys}` : `other ${number % 50}` })
  }
  return { feed, start }
}

/** How often a ring was asked, in the log or in the index of keys, while one stream caught up. */
async function looksAtEntries (entries: number, isOurs: (number: number) => boolean): Promise<number> {
  const { feed, start } = published(entries, 2_000, isOurs)
  const { at } = IndexedRing.prototype
  const stream = new OpenStream(feed.subscribe({ keys: keysOf(2_000) }), { after: start, isStalled: true })
  let looks = 0
  IndexedRing.prototype.at = function (this: IndexedRing<unknown>, index: number) {
    looks++
    return Reflect.apply(at, this, [index]) as unknown
  }
  try {
    stream.resume()
    // until the stream yields, nobody else runs; then it reads on
    for (let had = -1; stream.own.length > had;) {
      had = stream.own.length
      await turn()
    }
  } finally {
    IndexedRing.prototype.at = at
  }
  if (stream.source.behind().entries > 0) throw new Error('the stream has not caught up')
  stream.close()
  return looks
}
