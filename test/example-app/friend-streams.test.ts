import t from 'tap'
import { FriendStreams, type Following } from '../../example-app/friend-streams.ts'

class Followed implements Following {
  readonly keys = new Set<string>()
  follow = (key: string): void => { this.keys.add(key) }
  unfollow = (key: string): void => { this.keys.delete(key) }
}

t.test('a change reaches all streams of that user, no other, and one\'s own name stays', async (t) => {
  const streams = new FriendStreams()
  const [one, two, other] = [new Followed(), new Followed(), new Followed()]
  const open = new AbortController()
  streams.add('ada', one, open.signal)
  streams.add('ada', two, open.signal)
  streams.add('bob', other, open.signal)
  for (const stream of [one, two]) stream.follow('ada')
  streams.change('ada', new Set(), new Set(['bob', 'ada']))
  streams.change('ada', new Set(['bob', 'ada']), new Set(['cleo']))
  for (const stream of [one, two]) t.same([...stream.keys], ['ada', 'cleo'])
  t.same([...other.keys], [])
})

t.test('nothing is held of a stream that has ended', async (t) => {
  const streams = new FriendStreams()
  const [first, second] = [new AbortController(), new AbortController()]
  const gone = new Followed()
  streams.add('ada', gone, first.signal)
  streams.add('ada', new Followed(), second.signal)
  first.abort()
  streams.change('ada', new Set(), new Set(['bob']))
  t.same([...gone.keys], [])
  t.equal(streams.users, 1)
  second.abort()
  t.equal(streams.users, 0)
  streams.add('ada', gone, first.signal)
  t.equal(streams.users, 0, 'one that ended before it was added')
})
