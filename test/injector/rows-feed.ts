/**
 * The boundaries of feeds: functions of subscriptions, snapshots, published data, serializers, and the methods of a
 * log.
 */
import { Type } from 'typebox'
import { MemoryLog, projection, type EntryView, type EventLog } from '../../lib/index.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { ALL, through, type Boundary } from './boundary.ts'
import type { FaultKind, Injector } from './faults.ts'

type View = EntryView<string, { n: number, hidden: boolean }>

/** Takes all, and looks at what it takes. */
const takesAll = ({ data }: View): boolean => data.n > 0
const endsNowhere = ({ data }: View): boolean => data.n < 0
const asItIs = ({ data }: View): { data: unknown } => ({ data })

/** The state as of now: one event that stands for all before it. */
const state = (): Iterable<unknown> => [{ event: 'message', data: { n: 0, hidden: false } }]

/** Data that calls foreign code while it is serialized. */
const READS: readonly FaultKind[] = ['throws', 'returns the wrong kind', 're-enters']

/** A log whose methods fail. `Method` is honest in what it does, and in what it is called on. */
function logWith (injector: Injector, method: keyof EventLog, log: EventLog): EventLog {
  // it is a method
  const faulty = injector.wrap((...args: unknown[]): unknown => Reflect.apply(
    log[method] as (...args: unknown[]) => unknown,
    log,
    args
  ))
  return new Proxy(log, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      if (name === method) return faulty
      return typeof value === 'function' ? value.bind(target) as unknown : value
    }
  })
}

/** What is asked of a log while a stream follows it. */
function logRow (
  method: 'append' | 'locate' | 'earliest' | 'page' | 'end' | 'delete' | 'close',
  row: Pick<Boundary, 'hurts' | 'stacks' | 'faults'> & Partial<Boundary>
): Boundary {
  return {
    name: `log.${method}`,
    covers: [`EventLog.${method}`, ...method === 'append' ? ['FeedOptions.log'] : []],
    victim: (injector) => {
      const log = method === 'page' ? new PagedLog() : new MemoryLog()
      return {
        feed: { log: logWith(injector, method, log), retain: { entries: method === 'page' ? 1 : 10_000 } },
        subscribe: () => method === 'earliest' || method === 'page' ? { from: 'earliest' } : {},
        ...method === 'locate' ? { lastEventId: 'of another server' } : {}
      }
    },
    ...row
  }
}

export const FEED_ROWS: readonly Boundary[] = [
  {
    name: 'where',
    isFilter: true,
    covers: ['SubscribeOptions.where'],
    hurts: 'stream',
    stacks: ['request', 'tick', 'socket'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: (injector) => ({ subscribe: () => ({ from: 'earliest', where: injector.wrap(takesAll) }) })
  },
  {
    name: 'where, on a stream of several feeds',
    isFilter: true,
    covers: [],
    hurts: 'stream',
    stacks: ['request', 'tick', 'socket'],
    faults: ALL,
    victim: (injector) => ({
      subscribe: () => ({ from: 'earliest', where: injector.wrap(takesAll) }),
      source: (_request, subscription, other) => [subscription(), other()]
    })
  },
  {
    name: 'as',
    isFilter: true,
    covers: ['SubscribeOptions.as'],
    hurts: 'stream',
    stacks: ['request', 'tick', 'socket'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: (injector) => ({ subscribe: () => ({ from: 'earliest', as: injector.wrap(asItIs) }) })
  },
  {
    name: 'endAfter',
    covers: ['SubscribeOptions.endAfter'],
    hurts: 'stream',
    stacks: ['request', 'tick', 'socket'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: (injector) => ({ subscribe: () => ({ from: 'earliest', endAfter: injector.wrap(endsNowhere) }) })
  },
  {
    name: 'as: projection(schema, fn)',
    isFilter: true,
    covers: [],
    hurts: 'stream',
    stacks: ['request', 'tick', 'socket'],
    faults: ALL,
    victim: (injector) => ({
      subscribe: () => ({
        from: 'earliest',
        as: projection(Type.Object({ n: Type.Number(), hidden: Type.Boolean() }), injector.wrap(asItIs) as never)
      })
    })
  },
  {
    name: 'initial',
    covers: ['SubscribeOptions.initial', 'FeedOptions.initial'],
    hurts: 'stream',
    stacks: ['request'],
    faults: ALL,
    victim: (injector) => ({ subscribe: () => ({ initial: injector.wrap(state) }) })
  },
  {
    name: 'initial, asynchronous',
    covers: [],
    hurts: 'stream',
    stacks: ['request'],
    faults: ALL,
    victim: (injector) => ({ subscribe: () => ({ initial: injector.wrap(async () => state()) }) })
  },
  {
    name: 'onGap',
    covers: ['SubscribeOptions.onGap', 'FeedOptions.onGap'],
    hurts: 'stream',
    stacks: ['request'],
    faults: ALL,
    victim: (injector) => ({ lastEventId: 'of another server', subscribe: () => ({ onGap: injector.wrap(state) }) })
  },
  {
    name: 'iterables of snapshots',
    covers: [],
    hurts: 'stream',
    stacks: ['request'],
    faults: READS,
    victim: (injector) => ({
      subscribe: () => ({
        initial: () => {
          const events = state()[Symbol.iterator]()
          return { [Symbol.iterator]: () => ({ next: injector.wrap(() => events.next()) }) }
        }
      })
    })
  },
  {
    name: 'iterables of keys',
    covers: ['SubscribeOptions.keys'],
    hurts: 'stream',
    stacks: ['request'],
    faults: READS,
    victim: (injector) => ({
      subscribe: () => {
        const keys = ['k0', 'k1'][Symbol.iterator]()
        return { from: 'earliest', keys: { [Symbol.iterator]: () => ({ next: injector.wrap(() => keys.next()) }) } }
      }
    })
  },
  {
    name: 'toJSON of published data',
    covers: [],
    hurts: 'publisher',
    stacks: ['publish'],
    faults: READS,
    victim: (injector) => ({ note: () => ({ toJSON: injector.wrap(() => 'a note') }) })
  },
  {
    name: 'getters of published data',
    covers: [],
    hurts: 'publisher',
    stacks: ['publish'],
    faults: READS,
    victim: (injector) => ({
      note: () => Object.defineProperty({}, 'text', { enumerable: true, get: injector.wrap(() => 'a note') })
    })
  },
  {
    name: 'serializer of a feed',
    covers: [],
    hurts: 'publisher',
    stacks: ['publish'],
    faults: ALL,
    ownsSerializer: true,
    victim: (injector) => ({ places: { 'serializer of a feed': through(injector) } })
  },
  {
    name: 'serializer of a route',
    covers: [],
    hurts: 'stream',
    stacks: ['request', 'tick', 'socket'],
    faults: ALL,
    ownsSerializer: true,
    victim: (injector) => ({
      places: { 'serializer of a route': through(injector) },
      subscribe: () => ({ from: 'earliest' })
    })
  },
  logRow('append', { hurts: 'feed', stacks: ['publish'], faults: ALL }),
  logRow('locate', { hurts: 'feed', stacks: ['request'], faults: ALL }),
  logRow('earliest', { hurts: 'feed', stacks: ['request'], faults: ALL }),
  logRow('page', { hurts: 'feed', stacks: ['request', 'socket'], faults: ALL }),
  logRow('end', { hurts: 'feed', stacks: ['call'], faults: ALL, endings: ['end'] }),
  logRow('delete', { hurts: 'feed', stacks: ['call'], faults: ALL, endings: ['end'] }),
  logRow('close', { hurts: 'feed', stacks: ['drain'], faults: ALL, endings: ['close'] })
]
