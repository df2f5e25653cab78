/** Catching up with many keys: the postings of a key, their merge, and what a stream costs that follows thousands. */
import fc from 'fast-check'
import t from 'tap'
import { INDEXED_ENTRIES, KEYED_LOOKS, KEYS_AT_ONCE, SCAN_ENTRIES } from '../../lib/defaults.ts'
import { FollowedKeys } from '../../lib/subscription/followed-keys.ts'
import { KeyIndex } from '../../lib/feed/key-index.ts'
import { Merge, Posting } from '../../lib/feed/posting.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { IndexedRing } from '../../lib/indexed-ring.ts'
import type { Seen } from './listener.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

/**
 * In one turn: all looks for entries of its own and at those, the keys that the index learns, and the entries that it
 * takes in.
 */
const MOST_STEPS = 2 * (KEYED_LOOKS + SCAN_ENTRIES) + KEYS_AT_ONCE + 2 * INDEXED_ENTRIES

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
    t.ok(twice < 3 * few, `${twice} looks at 40,000`)
  }
})

t.test('a stream with very many keys opens, catches up and leaves in turns of a bounded number of steps', async (t) => {
  for (const isOurs of [() => true, (number: number) => number % 100 === 0, () => false]) {
    const few = await mostStepsInATurn(3_000, 12_000, isOurs)
    const many = await mostStepsInATurn(60_000, 60_000, isOurs)
    t.ok(few > 0 && many < MOST_STEPS, `${many} steps with 60,000 keys`)
    t.ok(many <= 1.2 * few, `${few} with 3,000`)
  }
})

t.test('a stream that ends while it looks for its entries still gets those that are in the log', async (t) => {
  for (const keys of [500, 3_000]) {
    const { feed, start } = published(20_000, keys, (number) => number % 1_000 === 999)
    for (const turns of [0, 1, 2]) {
      const stream = new OpenStream(feed.subscribe({ keys: keysOf(keys) }), { after: start })
      for (let left = turns; left > 0; left--) await turn()
      stream.cancel()
      feed.publish({ event: 'message', data: 'too late', key: 'key 0' })
      await until(() => { stream.read(); return stream.source.end !== undefined }, 'the stream has ended')
      t.strictSame(stream.source.end, { kind: 'done' })
      t.equal(stream.own.filter(({ data }) => data !== 'too late').length, 20)
      // what is published after the end of one is there for the next
      t.equal(stream.own.filter(({ data }) => data === 'too late').length, turns)
      stream.close()
    }
  }
})

t.test('while the index learns very many keys, or forgets them, each stream gets what is published, once', async (t) => {
  const count = 3.5 * KEYS_AT_ONCE
  const feed = feedOf({ retain: { entries: 10_000, bytes: Infinity } })
  // the index takes in what is there bit by bit
  for (let number = 0; number < 2 * INDEXED_ENTRIES; number++) {
    feed.publish({ event: 'message', data: 'old', key: 'key 0' })
  }
  const subscription = feed.subscribe({ keys: keysOf(count) })
  const got: string[] = []
  const wanted: string[] = []
  const publish = (key: string, isOurs: boolean): void => {
    feed.publish({ event: 'message', data: `${wanted.length} of ${key}`, key })
    if (isOurs) wanted.push(`${wanted.length} of ${key}`)
  }
  const onEvent = ({ event, data }: Seen): void => { if (event === 'message') got.push(data) }
  const open = (): OpenStream => new OpenStream(subscription, { onEvent })
  for (let opened = 0; opened < 6; opened++) {
    const stream = open()
    for (let turns = 0; turns <= opened; turns++) {
      publish('key 0', true)
      publish(`key ${count - 1}`, true)
      publish('nobody', false)
      if (turns === 1) subscription.unfollow(`key ${count - 2 - opened}`)
      publish(`key ${count - 2 - opened}`, turns === 0)
      if (turns === 1) subscription.follow(`new ${opened}`)
      publish(`new ${opened}`, turns > 0)
      await turn()
    }
    await until(() => got.length === wanted.length, () => `${got.length} of ${wanted.length} have come`)
    t.strictSame(got, wanted)
    // the next is opened while the index forgets the keys of this one, or when it has forgotten all
    stream.close()
    for (let turns = 0; turns < opened; turns++) await turn()
  }
  subscription.unfollow('key 1')
  for (let turns = 0; turns < 5; turns++) await turn()
  const offers = counted(FollowedKeys.prototype, ['offer', 'has'])
  for (let number = 0; number < count; number++) {
    feed.publish({ event: 'message', data: 'nobody is there', key: `key ${number}` })
  }
  await turn()
  offers.stop()
  t.equal(offers.count, 0, 'the last has left: nobody is offered anything')
})

t.test('a stream that reads entry by entry lets other work run after each 1,000, though its client takes all', async (t) => {
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
  const stream = new OpenStream(feed.subscribe({ keys: keysOf(2_000) }), { after: start, isStalled: true })
  const looks = counted(IndexedRing.prototype, ['at'])
  try {
    stream.resume()
    await until(() => stream.source.behind().entries === 0, 'the stream has caught up')
  } finally {
    looks.stop()
  }
  stream.close()
  return looks.count
}

/**
 * The most steps in one turn while a stream with many keys opens, catches up with what stands in the log, and leaves.
 */
async function mostStepsInATurn (keys: number, entries: number, isOurs: (number: number) => boolean): Promise<number> {
  const { feed, start } = published(entries, keys, isOurs)
  const subscription = feed.subscribe({ keys: keysOf(keys) })
  const steps = [
    counted(IndexedRing.prototype, ['at', 'push']),
    counted(KeyIndex.prototype, ['follow', 'unfollow']),
    counted(FollowedKeys.prototype, ['has'])
  ]
  let most = 0
  let before = 0
  const lookAt = (): void => {
    const all = steps.reduce((sum, { count }) => sum + count, 0)
    most = Math.max(most, all - before)
    before = all
  }
  try {
    const stream = new OpenStream(subscription, { after: start })
    // each is another turn
    await until(() => { lookAt(); return stream.source.behind().entries === 0 }, 'the stream has caught up')
    feed.publish({ event: 'message', data: 'one', key: 'key 1' })
    feed.publish({ event: 'message', data: 'two', key: `key ${keys - 1}` })
    await until(() => { lookAt(); return stream.own.at(-1)?.data === 'two' }, 'what is published then comes')
    stream.close()
    for (let turns = 0; turns < keys / 500; turns++) {
      await turn()
      lookAt()
    }
  } finally {
    for (const { stop } of steps) stop()
  }
  return most
}

interface Counted { readonly count: number, stop (): void }

/** Counts calls of methods of a prototype until `stop`. */
function counted (prototype: object, methods: readonly string[]): Counted {
  const counter = {
    count: 0,
    stop () { for (const [method, honest] of honests) Reflect.set(prototype, method, honest) }
  }
  // methods that are there, as their names say
  const honests = methods.map((method) => [method, Reflect.get(prototype, method) as (...args: unknown[]) => unknown] as const)
  for (const [method, honest] of honests) {
    Reflect.set(prototype, method, function (this: unknown, ...args: unknown[]) {
      counter.count++
      return Reflect.apply(honest, this, args)
    })
  }
  return counter
}
