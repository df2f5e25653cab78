import t from 'tap'
import { Friends, MAX_NAMES } from '../../example-app/friends.ts'

t.test('somebody that nobody has heard of has no friends', async (t) => {
  t.same([...new Friends().of('ada')], [])
})

t.test('a new list replaces the old one', async (t) => {
  const friends = new Friends()
  t.ok(friends.replace('ada', new Set(['bob', 'cleo'])))
  t.ok(friends.replace('ada', new Set(['dan'])))
  t.same([...friends.of('ada')], ['dan'])
})

t.test('the last name that fits is taken, the first that does not is refused and changes nothing', async (t) => {
  const friends = new Friends()
  const names = (count: number) => new Set(Array.from({ length: count }, (_, index) => String(index)))
  t.ok(friends.replace('ada', names(MAX_NAMES - 1)))
  t.ok(friends.replace('bob', new Set(['ada'])), 'the last that fits')
  t.notOk(friends.replace('cleo', new Set(['ada'])), 'the first that does not')
  t.equal(friends.of('cleo').size, 0)
  t.ok(friends.replace('bob', new Set(['cleo'])), 'another in place of one')
  t.ok(friends.replace('bob', new Set()), 'an empty list makes room')
  t.ok(friends.replace('cleo', new Set(['ada'])))
})
