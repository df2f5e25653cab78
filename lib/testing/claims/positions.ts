/** Claims about positions: their form, and that none is ever given to two entries. */
import { promise } from '../broken.ts'
import { checkPosition } from '../log-answers.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { numbers, positionsOf } from '../log-hold.ts'
import { shown } from '../../errors.ts'

const FORM =
  'Clients see it as the event ID, so it has 1 to 128 characters, contains no control character, no white space, ' +
  'no comma and no `=`, and does not begin with `~`.'
const UNIQUE = 'A log assigns each entry a *position*: a string in the order of the log that no other entry has.'
const EPOCH =
  'A history that was deleted or lost, or whose newest entries were lost, goes on in a new epoch, so that no ' +
  'position is ever given to two entries.'

export const positionClaims: readonly LogClaim[] = [
  claim('a position is fit for an event ID', { 'the contract': FORM }, [], async (probe) => {
    const hold = await probe.make()
    checkPosition((await hold.earliest()).before, 'a position before the first entry')
    const answered = await hold.appendAll(numbers(40))
    const given = [...answered, ...hold.told.positions, ...positionsOf(await hold.all())]
    for (const position of given) checkPosition(position, 'a position')
  }),

  claim('no two entries have the same position', { 'the contract': UNIQUE }, [], async (probe) => {
    const hold = await probe.make({ entries: 100 })
    const positions = [hold.before, ...await hold.appendAll(numbers(150))]
    for (const number of numbers(50)) positions.push(await hold.append(number))
    unique(positions)
  }),

  claim('two logs have no position in common', {
    'the contract': `Positions belong to an *epoch*. ${EPOCH}`
  }, [], async (probe) => {
    const positions: string[] = []
    for (let log = 0; log < 3; log++) {
      const hold = await probe.make()
      positions.push(hold.before, ...await hold.appendAll(numbers(10)))
    }
    unique(positions)
  }),

  claim('a restart gives no position a second time', {
    'the contract': `${UNIQUE} … ${EPOCH}`
  }, ['reopen'], async (probe) => {
    let hold = await probe.make({ entries: 2 })
    const positions = await hold.appendAll(numbers(5))
    for (let restart = 0; restart < 3; restart++) {
      hold = await probe.restarted(hold)
      positions.push(...await hold.appendAll(numbers(3)))
    }
    unique(positions)
  }),

  claim('a restart gives no position a second time, even where no entry is kept', {
    'the contract': `${UNIQUE} … ${EPOCH}`
  }, ['reopen', 'clock', 'retain.ageMs'], async (probe) => {
    let hold = await probe.make({ ageMs: 100 })
    const positions = await hold.appendAll(numbers(5))
    for (let restart = 0; restart < 2; restart++) {
      probe.advance(1000)
      hold = await probe.restarted(hold)
      positions.push(...await hold.appendAll(numbers(2)))
    }
    unique(positions)
  })
]

/** Throws where a position stands twice in a list. */
export function unique (positions: readonly string[]): void {
  const seen = new Set<string>()
  for (const position of positions) {
    promise(!seen.has(position), 'that no position is given twice', () => `${shown(position)} a second time`)
    seen.add(position)
  }
}
