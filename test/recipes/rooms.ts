/** The recipe of chat rooms, as its users see it. */
import type { Test } from 'tap'
import type * as Recipe from '../../example-app/recipes/rooms.ts'
import { eventually } from '../story/raw-client.ts'
import { serve, Visitor } from './visitor.ts'

const OPTIONS = { retryMs: 10, drainTimeoutMs: 500 }
/** How many rooms the test opens one after the other, all of which are free again soon. */
const MANY = 500

/** A database: the room `lobby` has ada and bob, `attic` has bob, and of each `room-…` ada is the only member. */
class Database implements Recipe.Store {
  readonly saved = new Map<string, Recipe.Messages>()
  loads = 0

  async members (room: string): Promise<string[] | undefined> {
    if (room.startsWith('room-')) return ['ada']
    return { lobby: ['ada', 'bob'], attic: ['bob'] }[room]
  }

  async load (room: string): Promise<Recipe.Messages> {
    this.loads++
    return [...this.saved.get(room) ?? []]
  }

  async save (room: string, messages: Recipe.Messages): Promise<void> {
    this.saved.set(room, [...messages])
  }
}

export async function rooms (t: Test, { buildApp }: typeof Recipe): Promise<void> {
  const start = async (t: Test, { database = new Database(), freeWhenIdleMs = 60_000, port = 0 } = {}) => {
    const app = await buildApp(database, freeWhenIdleMs, OPTIONS)
    const { origin, cut } = await serve(t, app, port)
    const [ada, bob] = [await Visitor.login(t, origin, 'ada'), await Visitor.login(t, origin, 'bob')]
    return { app, cut, origin, database, ada, bob }
  }
  const say = async (visitor: Visitor, room: string, text: string): Promise<void> => {
    await visitor.ask('POST', `/rooms/${room}`, { text })
  }

  t.test('members talk in their rooms, and nobody hears what is said in another', async (t) => {
    const { ada, bob } = await start(t)
    const [adas, bobs, attic] = [ada.open('/rooms/lobby'), bob.open('/rooms/lobby'), bob.open('/rooms/attic')]
    for (const tab of [adas, bobs, attic]) await tab.until('stream:bookmark')
    await say(bob, 'attic', 'alone')
    await say(ada, 'lobby', 'hi')
    await say(bob, 'lobby', 'hello')
    for (const tab of [adas, bobs]) {
      t.strictSame(await tab.until('message', 2), [{ from: 'ada', text: 'hi' }, { from: 'bob', text: 'hello' }])
    }
    t.strictSame(await attic.until('message'), [{ from: 'bob', text: 'alone' }])
  })

  t.test('a room that does not exist is a 404, one of others a 403, and neither is opened', async (t) => {
    const { app, database, ada } = await start(t)
    for (const [room, status] of [['cellar', 404], ['attic', 403]] as const) {
      t.equal(await ada.status('GET', `/rooms/${room}`), status)
      t.equal(await ada.status('POST', `/rooms/${room}`, { text: 'hi' }), status)
      t.equal(await ada.status('GET', `/rooms/${room}/people`), status)
      const tab = ada.open(`/rooms/${room}`)
      await tab.untilStopped()
      t.strictSame(tab.events, [])
    }
    t.equal(database.loads, 0)
    t.equal(app.eventfeed.stats().connections, 0)
  })

  t.test('says who is there, each once, and no more when they have left', async (t) => {
    const { ada, bob } = await start(t)
    const bobs = bob.open('/rooms/lobby')
    const others = [ada.open('/rooms/lobby'), ada.open('/rooms/lobby'), bob.open('/rooms/attic')]
    for (const tab of [bobs, ...others]) await tab.until('stream:bookmark')
    const people = async (): Promise<string[]> => (await ada.ask<string[]>('GET', '/rooms/lobby/people')).toSorted()
    t.strictSame(await people(), ['ada', 'bob'])
    t.strictSame(await bob.ask('GET', '/rooms/attic/people'), ['bob'])
    bobs.close()
    await eventually(async () => (await people()).join() === 'ada', 'bob has left')
    await bob.ask('POST', '/logout')
    t.strictSame(await people(), ['ada'])
  })

  t.test('a room is stored when all have left, and loaded for the next; other rooms stay open', async (t) => {
    const { ada, bob, database } = await start(t, { freeWhenIdleMs: 30 })
    const attic = bob.open('/rooms/attic')
    await attic.until('stream:bookmark')
    const tab = ada.open('/rooms/lobby')
    await say(ada, 'lobby', 'hi')
    await tab.until('message')
    t.strictSame([...database.saved.keys()], [])
    tab.close()
    await eventually(() => database.saved.has('lobby'), 'the room is stored')
    t.strictSame([...database.saved], [['lobby', [{ from: 'ada', text: 'hi' }]]])

    const later = bob.open('/rooms/lobby')
    t.strictSame(await later.until('message'), [{ from: 'ada', text: 'hi' }])
    await say(bob, 'lobby', 'you have gone?')
    t.strictSame((await later.until('message', 2)).at(-1), { from: 'bob', text: 'you have gone?' })
    t.equal(database.loads, 3, 'the attic once, the lobby twice')
  })

  t.test('a line that is cut costs nothing; after a restart, pages get a gap and what was stored', async (t) => {
    const { app, cut, origin, database, ada } = await start(t)
    const tab = ada.open('/rooms/lobby')
    await tab.until('stream:bookmark')
    await say(ada, 'lobby', 'one')
    await tab.until('message')
    cut()
    await say(ada, 'lobby', 'two')
    await tab.until('message', 2)
    t.strictSame(tab.all('stream:gap'), [])

    await app.close()
    const saved = database.saved.get('lobby')?.map(({ text }) => text)
    t.strictSame(saved, ['one', 'two'], 'an application that closes stores it')
    await start(t, { database, port: Number(new URL(origin).port) })
    // a page takes the gap as a sign to begin with an empty list
    await tab.until('message', 4)
    t.strictSame(tab.events.map(({ type }) => type).filter((type) => type !== 'stream:bookmark'), [
      'message', 'message', 'stream:gap', 'message', 'message'
    ])
    t.strictSame(tab.all('message').slice(2), [{ from: 'ada', text: 'one' }, { from: 'ada', text: 'two' }])
  })

  t.test('five hundred rooms come and go', async (t) => {
    const { app, ada, database } = await start(t, { freeWhenIdleMs: 10 })
    await Promise.all(Array.from({ length: MANY }, async (_, index) => {
      await say(ada, `room-${index + 1}`, `in ${index + 1}`)
    }))
    await eventually(() => database.saved.size === MANY, 'all are stored')
    await eventually(() => app.eventfeed.stats().feeds['room']?.entries === 0, 'all are free')
    t.strictSame(await ada.open(`/rooms/room-${MANY}`).until('message'), [{ from: 'ada', text: `in ${MANY}` }])
  })
}
