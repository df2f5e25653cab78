/** Whatever a source calls from within, its stream gets every event once, or its last event ID lets it go on; nobody else notices. */
import t from 'tap'
import { ACTIONS, check, connectionKey } from './reentry-actions.ts'
import { LAST, play, type Place } from './reentry-world.ts'

/** A source that counts on from where the client is, and calls back from within itself. */
const SOURCES: Readonly<Record<string, Place>> = {
  'next() of a generator': {
    at: 3,
    source: ({ trigger }) => ({ lastEventId }: From) => (function * () { for (let n = nextOf(lastEventId); n <= LAST; n++) { trigger(); yield { id: n, data: { n } } } })()
  },
  'next() of an async generator': {
    at: 3,
    source: ({ trigger }) => async function * ({ lastEventId }: From) { for (let n = nextOf(lastEventId); n <= LAST; n++) { trigger(); yield { id: n, data: { n } } } }
  },
  'an async generator that waits': {
    at: 3,
    source: ({ trigger }) => async function * ({ lastEventId }: From) {
      for (let n = nextOf(lastEventId); n <= LAST; n++) {
        await new Promise((resolve) => { setImmediate(resolve) })
        trigger()
        yield { id: n, data: { n } }
      }
    }
  },
  'toJSON of what is yielded': {
    at: 3,
    source: ({ trigger }) => ({ lastEventId }: From) => (function * () {
      for (let n = nextOf(lastEventId); n <= LAST; n++) yield { id: n, data: { toJSON () { trigger(); return { n } } } }
    })()
  },
  'a getter of what is yielded, later': {
    at: 3,
    source: ({ trigger }) => async function * ({ lastEventId }: From) {
      for (let n = nextOf(lastEventId); n <= LAST; n++) yield { get id () { trigger(); return n }, data: { n } }
    }
  },
  'a listener for the abort': {
    at: 1,
    source: ({ app, responses, trigger }) => async function * ({ lastEventId, signal }: From) {
      signal.addEventListener('abort', trigger)
      for (let n = nextOf(lastEventId); n <= LAST; n++) {
        if (n === 5 && responses.length === 1) app.eventfeed.kick('127.0.0.1')
        yield { id: n, data: { n } }
      }
    }
  },
  'return() of a generator': {
    at: 1,
    source: ({ app, responses, trigger }) => ({ lastEventId }: From) => (function * () {
      try {
        for (let n = nextOf(lastEventId); n <= LAST; n++) {
          if (n === 5 && responses.length === 1) app.eventfeed.kick('127.0.0.1')
          yield { id: n, data: { n } }
        }
      } finally { trigger() }
    })()
  },
  'a function that gives a source': {
    at: 1,
    source: ({ trigger }) => ({ lastEventId }: From) => {
      trigger()
      return (function * () { for (let n = nextOf(lastEventId); n <= LAST; n++) yield { id: n, data: { n } } })()
    }
  }
}

interface From { lastEventId: string | undefined, signal: AbortSignal }

for (const [name, place] of Object.entries(SOURCES)) {
  t.test(`${name}: whatever it calls, its stream can go on`, async (t) => {
    for (const [does, action] of Object.entries(ACTIONS)) {
      await t.test(does, async (t) => { await check(t, await play(t, { plugin: () => ({ connectionKey }), ...place }, 'plain', action), LAST) })
    }
  })
}

function nextOf (lastEventId: string | undefined): number {
  return lastEventId === undefined ? 1 : Number(lastEventId) + 1
}
