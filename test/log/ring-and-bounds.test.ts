/** The parts of a log: the ring that is addressed by absolute indexes, and the reading of its bounds. */
import fc from 'fast-check'
import t from 'tap'
import { firstIndex, IndexedRing } from '../../lib/indexed-ring.ts'
import { readRetention } from '../../lib/log/retention.ts'

/** Where bit operators take a number for a negative one, or for a small one; and the last indexes that are exact. */
const LARGE = [2 ** 31, 2 ** 32, 2 ** 33, 2 ** 53 - 1000]

t.test('a ring answers for the indexes that it keeps, and for no others, whatever was pushed and shifted', async (t) => {
  fc.assert(fc.property(fc.oneof(fc.nat(1000), ...LARGE.map((large) => fc.integer({ min: large - 200, max: large }))), fc.array(fc.boolean(), { maxLength: 300 }), (first, steps) => {
    const ring = new IndexedRing<number>(first)
    const kept = new Map<number, number>()
    for (const [step, isPush] of steps.entries()) {
      if (isPush) {
        kept.set(ring.next, step)
        ring.push(step)
      } else {
        const [oldest] = kept
        if (ring.shift() !== oldest?.[1]) return false
        if (oldest !== undefined) kept.delete(oldest[0])
      }
    }
    for (let index = first - 40; index < ring.next + 40; index++) if (ring.at(index) !== kept.get(index)) return false
    return ring.next - ring.first === kept.size
  }))
  t.pass()
})

t.test('a ring replaces what it keeps, and nothing else; only an empty one goes on elsewhere', async (t) => {
  const ring = new IndexedRing<string>(5)
  ring.push('a')
  for (const index of [4, 6, 21]) ring.replace(index, 'x')
  t.strictSame([4, 5, 6, 21].map((index) => ring.at(index)), [undefined, 'a', undefined, undefined])
  ring.replace(5, 'b')
  t.throws(() => { ring.restart(9) }, RangeError)
  t.equal(ring.shift(), 'b')
  ring.restart(9)
  ring.push('c')
  t.strictSame([ring.first, ring.next, ring.at(9), ring.at(5)], [9, 10, 'c', undefined])
})

t.test('the first index is found in as many steps as the distance has bits, also beyond 2^31 and 2^32', async (t) => {
  for (const low of [0, ...LARGE.map((large) => large - 500)]) {
    for (const found of [0, 1, 499, 500, 501, 999, 1000]) {
      let looks = 0
      const index = firstIndex(low, low + 1000, (middle) => {
        if (++looks > 11) throw new Error(`no end of the search between ${low} and ${low + 1000}`)
        return middle >= low + found
      })
      t.equal(index, low + found)
    }
    t.equal(firstIndex(low, low, () => t.fail('there is nothing to look at')), low)
  }
})

t.test('bounds are integers of 1 or more; bytes and age may be infinite, the count may not', async (t) => {
  t.strictSame(readRetention({ entries: 1, bytes: 1, ageMs: undefined }), { entries: 1, bytes: 1, ageMs: Infinity })
  t.strictSame(readRetention({ bytes: Infinity, ageMs: Infinity }), { entries: 10_000, bytes: Infinity, ageMs: Infinity })
  const refused: unknown[] = [null, 7, { count: 1 }, { entries: Infinity },
    ...['entries', 'bytes', 'ageMs'].flatMap((name) => [0, -1, 1.5, NaN, '7', null, 2 ** 53].map((value) => ({ [name]: value })))]
  for (const retain of refused) t.throws(() => readRetention(retain as never), { code: 'FST_EVENTFEED_BAD_OPTION' }, JSON.stringify(retain))
})
