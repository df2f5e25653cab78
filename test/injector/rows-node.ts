/**
 * The boundaries to Node: the calls of responses, sockets, HTTP/2 streams and sessions that may throw, and other
 * plugins that have put their own in their place.
 */
import type { FastifyReply } from 'fastify'
import { THROWS, type Boundary } from './boundary.ts'
import type { Injector } from './faults.ts'

/** What is called on, and what that is called in Node's types. */
const OBJECTS = {
  response: ({ raw }: FastifyReply): object | undefined => raw,
  socket: ({ raw }: FastifyReply): object | undefined => raw.socket ?? undefined
} as const

/** Puts a method that fails in the place of the object's own. */
function patched (injector: Injector, of: keyof typeof OBJECTS, method: string): (reply: FastifyReply) => void {
  return (reply) => {
    const object = OBJECTS[of](reply)
    const honest: unknown = object === undefined ? undefined : Reflect.get(object, method)
    if (object === undefined || typeof honest !== 'function') return
    Reflect.set(object, method, injector.wrap((...args: unknown[]): unknown => Reflect.apply(honest, object, args)))
  }
}

type Row = Pick<Boundary, 'stacks' | 'covers'> & Partial<Boundary>

function nodeRow (of: keyof typeof OBJECTS, method: string, row: Row): Boundary {
  return {
    name: `${of}.${method}`,
    hurts: 'stream',
    faults: THROWS,
    victim: (injector) => ({ patch: patched(injector, of, method), subscribe: () => ({ from: 'earliest' }) }),
    ...row
  }
}

const EVERY_WAY = ['HTTP/1.1', 'HTTP/2', 'inject'] as const

export const NODE_ROWS: readonly Boundary[] = [
  {
    name: 'headers that Node refuses',
    covers: ['FastifyReply.header'],
    isFastifys: true,
    hurts: 'stream',
    stacks: ['request'],
    faults: ['returns the wrong kind'],
    ways: ['HTTP/1.1', 'HTTP/2', 'inject'],
    victim: (injector) => ({
      // it is committed later, by a timer
      source: () => async function * () { await new Promise(() => {}) },
      patch: (reply) => { reply.header('x-room', injector.wrap(() => 'a room')()) }
    })
  },
  nodeRow('response', 'setHeader', {
    isFastifys: true,
    covers: ['FastifyReply.headers', 'OutgoingMessage.setHeader'],
    stacks: ['request'],
    isOnce: true,
    ways: EVERY_WAY
  }),
  nodeRow('response', 'writeHead', {
    isFastifys: true,
    covers: ['ServerResponse.writeHead'],
    stacks: ['request'],
    isOnce: true,
    ways: EVERY_WAY
  }),
  nodeRow('response', 'flushHeaders', {
    covers: ['OutgoingMessage.flushHeaders'],
    stacks: ['request'],
    ways: EVERY_WAY
  }),
  // an injected response that is destroyed at once does not tell its client
  nodeRow('response', 'write', {
    covers: ['Writable.write'],
    stacks: ['request', 'tick', 'timer'],
    ways: ['HTTP/1.1', 'HTTP/2']
  }),
  nodeRow('response', 'end', {
    covers: ['Writable.end', 'Writable.uncork'],
    stacks: ['call', 'drain'],
    ways: EVERY_WAY
  }),
  nodeRow('response', 'destroy', { covers: ['Writable.destroy'], stacks: ['drain'], ways: ['inject'] }),
  nodeRow('socket', 'write', { covers: ['Socket.write'], stacks: ['request', 'tick', 'timer', 'socket'] })
]
