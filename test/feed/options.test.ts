/** Every wrong option of a feed and of a subscription says which, what it must be, and what it was. */
import t from 'tap'
import { appOf } from './listener.ts'

t.test('subscribe names the option, what it must be, and what it was', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  const wrong: Array<[options: unknown, message: RegExp]> = [
    [null, /subscribe\(\) takes .*not null/], [7, /not a number/], ['latest', /not a string/],
    [{ wher: () => true }, /no option "wher": there are after, from, keys, events, where/],
    [{ after: 7 }, /after.*event ID, a string, not a number/], [{ after: null }, /after.*not null/],
    [{ from: 'now' }, /from.*'latest', 'earliest'.*not "now"/], [{ from: null }, /from.*not null/], [{ from: 7 }, /from.*not 7/], [{ from: {} }, /from.*not \{\}/],
    ...[-1, 1.5, NaN, Infinity, '7', null, undefined].map((last): [unknown, RegExp] => [{ from: { last } }, /from.*non-negative integer/]),
    ...[new Date(NaN), 0, '2026-01-01', null].map((since): [unknown, RegExp] => [{ from: { since } }, /from.*valid Date/]),
    [{ from: { last: 1, since: new Date() } }, /from/],
    [{ keys: 'ada' }, /keys.*an array or a Set of strings, not a string/], [{ keys: {} }, /keys.*not an object/], [{ keys: null }, /keys.*not null/],
    [{ keys: ['a', 7] }, /keys.*must hold strings, not a number/], [{ keys: new Set([undefined]) }, /keys.*not undefined/], [{ keys: new Map([['a', 1]]) }, /not an array/],
    ...['where', 'as', 'initial', 'onGap'].flatMap((name) => [true, null, {}, 'text', 7].map((value): [unknown, RegExp] => [{ [name]: value }, new RegExp(`${name}.*must be a function, not`)]))
  ]
  for (const [options, message] of wrong) t.throws(() => feed.subscribe(options as never), { code: 'FST_EVENTFEED_BAD_OPTION', message }, JSON.stringify(options))
  for (const options of [undefined, {}, { from: undefined, keys: undefined, where: undefined }, { from: { last: 0 } }, { keys: [] }, { keys: new Set(['a']) }]) t.doesNotThrow(() => feed.subscribe(options as never))
})

t.test('app.feed names the option, what it must be, and what it was', async (t) => {
  const app = await appOf(t)
  const wrong: Array<[options: unknown, message: RegExp]> = [
    [null, /must be an object, not null/], [7, /not a number/], [{ retian: {} }, /no option "retian": there are events, retain/],
    ...['drop', '', null, 7].map((slowConsumer): [unknown, RegExp] => [{ slowConsumer }, /slowConsumer.*'disconnect', 'skip' or 'latest', not/]),
    ...['maxLagBytes', 'maxLagMs'].flatMap((name) => [0, -1, 1.5, NaN, '7', null].map((value): [unknown, RegExp] => [{ [name]: value }, new RegExp(`${name}.*an integer of 1 or more, or Infinity, not`)])),
    ...['initial', 'onGap'].flatMap((name) => [[], 7, null].map((value): [unknown, RegExp] => [{ [name]: value }, new RegExp(`${name}.*must be a function that returns events, not`)])),
    [{ retain: { entries: 0 } }, /retain.entries must be an integer of 1 or more, not 0/], [{ retain: null }, /retain must be an object.*not null/], [{ retain: { count: 1 } }, /retain.count is no bound/]
  ]
  for (const [options, message] of wrong) t.throws(() => app.feed('numbers', options as never), { code: 'FST_EVENTFEED_BAD_OPTION', message }, JSON.stringify(options))
  for (const name of ['', 'a b', 'a,b', 'a=b', '~a', 'a\n', 7, undefined, 'x'.repeat(129)]) t.throws(() => app.feed(name as never), { code: 'FST_EVENTFEED_BAD_OPTION', message: /name of a feed/ })
  t.ok(app.feed('numbers', { slowConsumer: 'latest', maxLagBytes: 1, maxLagMs: Infinity }), 'and what was refused has taken no name')
})
