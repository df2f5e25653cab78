import t from 'tap'
import { OpenLines } from '../../example-app/open-lines.ts'

/** A response, as far as it can be cut. */
class Response {
  destroyed = 0
  destroy (): this {
    this.destroyed += 1
    return this
  }
}

t.test('nothing is held of a stream that has ended, whichever ends first, and whether it was cut or not', async (t) => {
  const lines = new OpenLines()
  const [one, two, three] = [new Response(), new Response(), new Response()]
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
  lines.add('same', one, first.signal)
  lines.add('same', two, second.signal)
  first.abort()
  t.equal(lines.size, 1)
  t.ok(lines.cut('same'))
  t.same([one.destroyed, two.destroyed], [0, 1], 'the one that has ended is not touched')
  t.equal(lines.size, 0)

  lines.add('same', three, third.signal)
  second.abort()
  t.equal(lines.size, 1, 'the end of a stream that was cut does not take the id from a newer one')
  third.abort()
  t.equal(lines.size, 0)
  t.notOk(lines.cut('same'))
})

t.test('a stream without an id, and one that has ended already, are not remembered', async (t) => {
  const lines = new OpenLines()
  lines.add(undefined, new Response(), new AbortController().signal)
  lines.add('late', new Response(), AbortSignal.abort())
  t.equal(lines.size, 0)
})
