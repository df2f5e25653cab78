import t from 'tap'
import { Market, type Price } from '../../example-app/market.ts'
import { Beat } from './beat.ts'

t.test('the timer runs from the first who looks until the last has left, and again for the next', (t) => {
  const beat = new Beat()
  const market = new Market(() => {}, beat)
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
  t.equal(beat.running, 0)
  market.join(first.signal)
  market.join(second.signal)
  t.equal(beat.running, 1, 'one timer for both')
  first.abort()
  t.equal(beat.running, 1)
  second.abort()
  t.equal(beat.running, 0)
  market.join(third.signal)
  t.equal(beat.running, 1)
  third.abort()
  market.join(third.signal)
  t.equal(beat.running, 0, 'one that has left already does not start it')
  t.end()
})

t.test('a price moves by half a percent at most, is told when it has changed, and is the newest then', (t) => {
  // each share moves, down and up by turns
  const numbers = [0, 0, 0, 0.999]
  let asked = 0
  const beat = new Beat(() => numbers[asked++ % numbers.length] ?? 0)
  const told: Price[] = []
  const market = new Market((price) => { told.push(price) }, beat)
  const before = market.prices
  t.equal(new Set(before.map(({ symbol }) => symbol)).size, before.length)
  market.join(new AbortController().signal)
  beat.move()
  t.same(told, market.prices)
  for (const [index, { price }] of before.entries()) {
    const now = told[index]?.price ?? NaN
    t.ok(index % 2 === 0 ? now < price : now > price, `${price} to ${now}`)
    t.ok(Math.abs(now - price) <= price * 0.005 + 0.01, 'rounded to a hundredth')
  }
  t.end()
})

t.test('a price that does not change is not told', (t) => {
  const told: Price[] = []
  const beat = new Beat(() => 0.999)
  const market = new Market((price) => { told.push(price) }, beat)
  market.join(new AbortController().signal)
  beat.move()
  t.same(told, [])
  t.end()
})

t.test('however long prices fall, they stay prices', (t) => {
  const beat = new Beat(() => 0)
  const market = new Market(() => {}, beat)
  market.join(new AbortController().signal)
  for (let count = 0; count < 5_000; count++) beat.move()
  for (const { price, change } of market.prices) t.ok(price >= 0.01 && change >= -100, String(price))
  t.end()
})
