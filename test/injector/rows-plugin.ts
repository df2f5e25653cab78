/**
 * The boundaries of the plugin: its options, hooks and error handlers of the application, the logger, and those who
 * listen.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Control, ControlFunction, SourceArguments, StreamView } from '../../lib/index.ts'
import { ALL, through, type Boundary } from './boundary.ts'
import type { FaultKind, Injector } from './faults.ts'
import { keyOf, type Place } from './host.ts'
import type { Victim } from './victim.ts'

/** A place of the application that fails for the victim. */
function placeRow (place: Place, row: Pick<Boundary, 'stacks' | 'faults'> & Partial<Boundary>): Boundary {
  return {
    name: place,
    covers: [],
    hurts: 'stream',
    victim: (injector) => ({ places: { [place]: through(injector) }, subscribe: () => ({ from: 'earliest' }) }),
    ...row
  }
}

/** Somebody who listens to a channel: Node itself rethrows what they throw, so they only call back. */
function channelRow (name: string, stacks: Boundary['stacks']): Boundary {
  return {
    name: `listeners of fastify-eventfeed:${name}`,
    covers: ['Channel.publish'],
    hurts: 'stream',
    stacks,
    faults: ['re-enters'],
    victim: (injector) => {
      const listener = injector.wrap(() => {})
      const onMessage = (): void => { listener() }
      subscribe(`fastify-eventfeed:${name}`, onMessage)
      return {
        ...name === 'gap' ? { lastEventId: 'of another server' } : {},
        ...name === 'lagged' ? { feed: { maxLagBytes: 2_000, slowConsumer: 'skip' as const } } : {},
        dispose: () => { unsubscribe(`fastify-eventfeed:${name}`, onMessage) }
      }
    }
  }
}

/** A source that fails, so that an error is to be answered or told. */
const failing: Victim['source'] = () => () => { throw new Error('the source fails before its first event') }

/** Controls in words of its own; a filter that throws at some entries makes gaps, which are worded too. */
function wordingControls (injector: Injector): Victim {
  const honest = (control: Control): ReturnType<ControlFunction> => {
    if (control.type === 'bookmark' || control.type === 'done') return { event: control.type, data: '', id: control.id }
    return undefined
  }
  return {
    options: () => ({ control: injector.wrap(honest) }),
    subscribe: () => ({ from: 'earliest', where: throwingAtHidden })
  }
}

function throwingAtHidden ({ data: { hidden } }: { readonly data: { readonly hidden: boolean } }): boolean {
  if (hidden) throw new Error('this entry is hidden')
  return true
}

function onAbort (injector: Injector): Victim {
  return {
    source: () => async function * ({ signal, until }: SourceArguments) {
      signal.addEventListener('abort', injector.wrap(() => {}))
      yield { event: 'message', data: { n: -1, hidden: false } }
      await until(new Promise(() => {}))
    }
  }
}

/**
 * A function that chooses streams, given to `kick` or `streams` by the source of the victim. It chooses none where it is
 * honest; what else it says is about streams of the victim's key only.
 */
function choosing (name: 'kick' | 'streams'): Boundary {
  return {
    name: `functions given to ${name}`,
    covers: [`Eventfeed.${name}`],
    hurts: 'stream',
    stacks: ['request'],
    faults: ALL,
    victim: (injector) => {
      const chooses = injector.wrap((_stream: StreamView) => false)
      return {
        source: (request, subscription) => () => {
          const key = keyOf(request)
          request.server.eventfeed[name]((stream) => stream.key === key && chooses(stream))
          return subscription()
        }
      }
    }
  }
}

/** What has not reached the handler is Fastify's affair: where a hook never settles, there is no stream. */
const BEFORE_THE_HANDLER: readonly FaultKind[] = ['throws', 'rejects', 're-enters']

const UNTIL_CLIENTS_LEAVE = ['leave', 'kick', 'end'] as const

export const PLUGIN_ROWS: readonly Boundary[] = [
  placeRow('connectionKey', {
    isFastifys: true,
    stacks: ['request'],
    faults: ALL,
    covers: ['EventfeedOptions.connectionKey']
  }),
  {
    name: 'recheck',
    covers: ['EventStreamOptions.recheck'],
    hurts: 'stream',
    stacks: ['timer'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: (injector) => ({ options: () => ({ recheck: injector.wrap(() => true), recheckIntervalMs: 1_000 }) })
  },
  {
    name: 'control',
    covers: ['EventStreamOptions.control'],
    hurts: 'stream',
    stacks: ['request', 'tick', 'call', 'drain'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: wordingControls
  },
  placeRow('onRequest', { needsHooks: true, isFastifys: true, stacks: ['request'], faults: BEFORE_THE_HANDLER }),
  placeRow('preHandler', { needsHooks: true, isFastifys: true, stacks: ['request'], faults: BEFORE_THE_HANDLER }),
  placeRow('onSend', {
    needsHooks: true,
    isFastifys: true,
    isOnce: true,
    covers: ['FastifyReply.send'],
    stacks: ['request'],
    faults: ALL,
    ways: ['HTTP/1.1', 'HTTP/2', 'inject']
  }),
  // an ordinary response that never comes keeps close() waiting, as on any route
  placeRow('onError', {
    endings: UNTIL_CLIENTS_LEAVE,
    needsHooks: true,
    isFastifys: true,
    isOnce: true,
    stacks: ['request'],
    faults: ALL,
    victim: (injector) => ({ places: { onError: through(injector) }, source: failing })
  }),
  placeRow('errorHandler', {
    endings: UNTIL_CLIENTS_LEAVE,
    isFastifys: true,
    isOnce: true,
    stacks: ['request'],
    faults: ALL,
    victim: (injector) => ({ places: { errorHandler: through(injector) }, source: failing })
  }),
  placeRow('logger', {
    covers: ['BaseLogger.debug', 'BaseLogger.error', 'BaseLogger.info', 'BaseLogger.warn'],
    stacks: ['socket', 'call'],
    faults: ['throws', 're-enters']
  }),
  choosing('kick'),
  choosing('streams'),
  channelRow('opened', ['request']),
  channelRow('ended', ['socket', 'call', 'drain']),
  channelRow('gap', ['request']),
  channelRow('lagged', ['socket']),
  {
    name: 'listeners of the signal',
    covers: [],
    hurts: 'stream',
    stacks: ['socket', 'call', 'drain'],
    faults: ['re-enters'],
    victim: onAbort
  }
]
