import t from 'tap'
import { FriendStreams, type Following } from '../../example-app/friend-streams.ts'

class Followed implements Following {
  readonly keys = new Set<string>()
  changes = 0
  follow = (key: string): void => {
    this.changes += 1
    this.keys.add(key)
  }

  unfollow = (key: string): void => {
    this.changes += 1
    this.keys.delete(key)
  }
}

const make = () => new Followed()
const thousand = (prefix: string) => new Set(Array.from({ length: 1_000 }, (_, index) => `${prefix} ${index}`))

t.test('a change reaches all subscriptions of that user, no other, and the user\'s own name stays', async (t) => {
  const streams = new FriendStreams<Followed>()
  const open = new AbortController()
  const one = streams.share('ada', 'simple', open.signal, make)
  const two = streams.share('ada', 'detailed', open.signal, make)
  const other = streams.share('bob', 'simple', open.signal, make)
  for (const stream of [one, two]) stream.follow('ada')
  streams.change('ada', new Set(), new Set(['bob', 'ada']))
  streams.change('ada', new Set(['bob', 'ada']), new Set(['cleo']))
  for (const stream of [one, two]) t.same([...stream.keys], ['ada', 'cleo'])
  t.same([...other.keys], [])
})

t.test('2,000 streams that read in the same way share one subscription: 1,000 other friends are 2,000 changes', async (t) => {
  const streams = new FriendStreams<Followed>()
  const open = () => streams.share('ada', 'simple', new AbortController().signal, make)
  const subscriptions = new Set(Array.from({ length: 2_000 }, open))
  t.equal(subscriptions.size, 1)
  const [shared] = subscriptions
  streams.change('ada', new Set(), thousand('old'))
  const before = shared?.changes ?? NaN
  streams.change('ada', thousand('old'), thousand('new'))
  t.equal((shared?.changes ?? NaN) - before, 2_000)
  t.same(shared?.keys, thousand('new'))
})

t.test('a subscription is kept until its last stream has ended, and then nothing is held of its user', async (t) => {
  const streams = new FriendStreams<Followed>()
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
  const gone = streams.share('ada', 'simple', first.signal, make)
  t.equal(streams.share('ada', 'simple', second.signal, make), gone)
  streams.share('ada', 'detailed', third.signal, make)
  first.abort()
  t.equal(streams.share('ada', 'simple', AbortSignal.abort(), make), gone, 'the second still reads it')
  second.abort()
  t.equal(streams.users, 1, 'the third reads in another way')
  streams.change('ada', new Set(), new Set(['bob']))
  t.same([...gone.keys], [])
  third.abort()
  t.equal(streams.users, 0)
  t.not(streams.share('ada', 'simple', AbortSignal.abort(), make), gone)
  t.equal(streams.users, 0, 'one that had ended before is not counted')
})
