/** That the bench's own judge of silent holes sees them: a judge that sees nothing would find every stream whole. */
import t from 'tap'
import { Continuity, keyOf, type SlowConsumerMode } from '../../bench/continuity.ts'

const idOf = (number: number): string => `epoch-${number}`

/** What a client has got that came behind event 10: numbers, and gaps as what they name. */
function problemsOf (mode: SlowConsumerMode, ...got: Array<number | { requested: number, oldest: number }>): readonly string[] {
  const continuity = new Continuity(10, mode)
  let lastEventId = idOf(10)
  for (const one of got) {
    if (typeof one === 'object') {
      continuity.gap({ requested: idOf(one.requested), oldest: idOf(one.oldest) }, lastEventId)
      continue
    }
    lastEventId = idOf(one)
    continuity.event(one, lastEventId)
  }
  return continuity.verdict(20).problems
}

const from = (first: number): number[] => Array.from({ length: 21 - first }, (_, index) => first + index)

t.test('what comes whole, and an announced gap, are no problem', async (t) => {
  t.strictSame(problemsOf('disconnect', ...from(11)), [])
  for (const mode of ['disconnect', 'skip'] as const) t.strictSame(problemsOf(mode, 11, 12, { requested: 12, oldest: 15 }, ...from(15)), [])
})

t.test('a hole, an event twice, and a missing end are problems', async (t) => {
  t.match(problemsOf('disconnect', 11, ...from(13)), [/a silent hole: 11, 13/])
  t.match(problemsOf('disconnect', 11, 11, ...from(12)), [/a silent hole: 11, 11/])
  t.match(problemsOf('skip', ...from(12)), [/a silent hole: 10, 12/])
  t.match(problemsOf('disconnect', 11, 12), [/ends at 12, not at 20/])
  t.match(problemsOf('skip', { requested: 10, oldest: 12 }, 12, ...from(14)), [/a silent hole: 12, 14/])
})

t.test('a gap that does not state exactly what is missing is a problem', async (t) => {
  t.match(problemsOf('skip', 11, { requested: 10, oldest: 15 }, ...from(15)), [/a gap behind epoch-10, where the client has epoch-11/])
  t.match(problemsOf('skip', 11, { requested: 11, oldest: 14 }, ...from(15)), [/names epoch-14 as the oldest, but epoch-15 follows/])
  t.match(problemsOf('skip', 11, { requested: 11, oldest: 12 }, ...from(12)), [/a gap behind 11, but nothing is missing/])
})

t.test('behind a gap of `latest` comes the newest of each key, and then all', async (t) => {
  // halved so often: 12 twice, 16 four times, 18 once, 19 never
  t.strictSame([12, 16, 18, 19].map(keyOf), ['key-2', 'key-4', 'key-1', 'key-0'])
  t.strictSame(problemsOf('latest', { requested: 10, oldest: 12 }, 12, 16, 18, 19, 20), [])
  t.match(problemsOf('latest', { requested: 10, oldest: 12 }, 12, 18, 19, 20), [/not the newest of each key/], 'one key is left out')
  t.match(problemsOf('latest', { requested: 10, oldest: 12 }, 12, 16, 18, 20), [/not the newest of each key/], 'a hole behind them')
})
