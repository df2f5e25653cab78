/** What must hold after a run, whatever the fault was. */
import type { Boundary } from './boundary.ts'
import { numberIn, type Seen } from './client.ts'
import { said } from './faults.ts'
import { VICTIM } from './host.ts'
import type { Listener, Published } from './victim.ts'
import { SECRET, type World } from './world.ts'

/** All that is wrong after a run; `unhandled` is what reached nobody's hands meanwhile. */
export function verdict (world: World, boundary: Boundary, unhandled: readonly string[]): string[] {
  const wrongs = [...unhandled, ...world.wrongs]
  for (const { name, client } of [...world.listeners, { name: VICTIM, client: world.victimClient }]) {
    if (client.text.includes(SECRET)) wrongs.push(`${name} got what no schema declares`)
  }
  const isFeedHurt = boundary.hurts === 'feed'
  for (const listener of world.listeners) {
    if (isFeedHurt && listener.feed === 'a') continue
    wrongs.push(...wrongsOfListener(listener, world))
  }
  wrongs.push(...wrongsOfUnfiltered(world, boundary))
  wrongs.push(
    ...wrongsOfPublications(world, boundary),
    ...wrongsOfEnds(world, isFeedHurt),
    ...wrongsOfVictim(world, boundary)
  )
  const { begun, ended } = world.generators
  if (begun !== ended) wrongs.push(`of ${begun} generators of healthy streams ${ended} ran their finally`)
  const { disposal } = world.victim
  const isOverByItself = boundary.isOverByItself === true && world.injector.committed.length > 0
  if (disposal !== undefined && disposal.begun !== disposal.over && !isOverByItself) {
    wrongs.push(`of ${disposal.begun} sources of the victim ${disposal.over} were let go of`)
  }
  if (world.host.app.eventfeed.stats().connections !== 0) wrongs.push('streams are open at the end')
  return wrongs
}

/**
 * Every event that a healthy stream takes, once and in order. Where the application closed, what was published by then.
 */
function wrongsOfListener ({ name, feed, client, takes, since }: Listener, world: World): string[] {
  const wanted = world.published
    .filter((published) => published.feed === feed && published.n > since && takes(published))
    .sort(byPosition)
    .map(({ n }) => n)
  const got = eventsOf(client.events)
  const isCut = world.host.isClosing
  const wrongs: string[] = []
  if (feed === 'a' && client.events.some(({ event }) => event === 'stream:gap')) {
    wrongs.push(`${name} got a gap, though the log keeps all`)
  }
  const expected = isCut ? wanted.slice(0, got.length) : wanted
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    wrongs.push(`${name} got the events ${got.join()} and not ${expected.join()}`)
  }
  return wrongs
}

/** A publication that fails hurts its publisher alone; others do not fail. */
function wrongsOfPublications ({ failures, listeners, victimClient }: World, { hurts }: Boundary): string[] {
  const wrongs: string[] = []
  for (const [n, error] of failures) {
    if (hurts !== 'publisher' && hurts !== 'feed') wrongs.push(`publishing event ${n} failed: ${said(error)}`)
    const clients = [...listeners.map(({ client }) => client), victimClient]
    if (hurts !== 'feed' && clients.some(({ events }) => eventsOf(events).includes(n))) {
      wrongs.push(`event ${n} was sent, though publishing it failed`)
    }
  }
  return wrongs
}

/** Reasons of its own for which a healthy stream never ends. */
const UNFIT: readonly string[] = ['failed', 'lagged', 'revoked', 'write-timeout', 'superseded']

/** Each stream that was opened has ended, once; the healthy ones for no reason of their own. */
function wrongsOfEnds ({ begun, ends }: World, isFeedHurt: boolean): string[] {
  const wrongs: string[] = []
  for (const [name, count] of begun) {
    const reasons = ends.get(name) ?? []
    if (reasons.length !== count) {
      wrongs.push(`of ${count} streams of ${name} ${reasons.length} ended: ${reasons.join()}`)
    }
    const unfit = reasons.filter((reason) => UNFIT.includes(reason))
    if (name !== VICTIM && unfit.length > 0 && !isFeedHurt) wrongs.push(`${name} ended: ${unfit.join()}`)
  }
  return wrongs
}

/** Faults of a function by which it neither takes an entry, nor gives it a shape. */
const REFUSING: readonly string[] = ['throws', 'rejects', 'never settles', 'returns a thenable']

/** What a filter or a projection did not let through does not reach the victim as long as it is faulty. */
function wrongsOfUnfiltered ({ injector, gotWhileFaulty }: World, { isFilter }: Boundary): string[] {
  const { fault, isOnce } = injector.injection
  if (isFilter !== true || isOnce || !REFUSING.includes(fault.does)) return []
  const refused = new Set(injector.committed.map(({ args: [view] }) => (view as { data: { n: number } }).data.n))
  const leaked = gotWhileFaulty?.filter((n) => refused.has(n)) ?? []
  return leaked.length === 0 ? [] : [`the victim got events that were not let through: ${leaked.join()}`]
}

/** What the victim got is in order on each connection, without a hole that it was not told of. */
function wrongsOfVictim (world: World, { hurts }: Boundary): string[] {
  const { victimClient: { events }, victim, injector } = world
  if (victim.source !== undefined || hurts === 'feed') return []
  const wrongs: string[] = []
  const order = new Map(
    world.published.filter(({ feed }) => feed === 'a').sort(byPosition).map((published, index) => [published.n, index])
  )
  const withIds = events
    .filter(({ id, event }) => id !== undefined && event === 'message')
    .map(({ data }) => numberIn(data))
  if (new Set(withIds).size !== withIds.length) wrongs.push(`the victim got events twice: ${withIds.join()}`)
  const first = order.get(withIds[0] ?? 0)
  const { fault } = injector.injection
  const isChanged = fault.does === 'returns the wrong kind' || (
    fault.does === 're-enters' && (fault.what === 'follow' || fault.what === 'unfollow')
  )
  if (first === undefined || isChanged || world.host.isClosing) return wrongs
  const told = gapsTold(events, world.published)
  const missing = [...order]
    .filter(([n, index]) => index > first && !withIds.includes(n) && !told.has(n))
    .map(([n]) => n)
  if (missing.length > 0) {
    wrongs.push(`the victim never got ${missing.join()}, and was not told; it got ${withIds.join()}`)
  }
  return wrongs
}

/** The events of which a stream was told that it does not get them: one that failed, or all up to a gap's place. */
function gapsTold (events: readonly Seen[], published: readonly Published[]): Set<number> {
  const inOrder = published.filter(({ feed }) => feed === 'a').sort(byPosition)
  const numbers = new Set<number>()
  for (const { event, data, id } of events) {
    if (event !== 'stream:gap') continue
    const at = inOrder.findIndex((one) => one.id === id)
    for (const { n } of inOrder.slice(data.includes('"failed"') ? at : 0, at + 1)) numbers.add(n)
  }
  return numbers
}

/** The numbers of the events of feeds, in the order in which they came. */
function eventsOf (events: readonly Seen[]): number[] {
  return events
    .filter(({ event }) => event === 'message')
    .map(({ data }) => numberIn(data))
    .filter((n) => n !== undefined && n > 0) as number[] // the others are filtered out
}

/** By place in the log: what was published from within another call stands where the log says. */
function byPosition (one: Published, other: Published): number {
  return Number(one.id.split('-')[1]) - Number(other.id.split('-')[1])
}
