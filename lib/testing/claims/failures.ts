/** Claims about appends that fail: nothing of them is left, and nothing else suffers. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, positionsOf, type Hold } from '../log-hold.ts'
import { unique } from './positions.ts'

const NOT_ADDED = 'Where it fails, the event was not added, and nobody has seen it.'
const TOGETHER = 'Where several appends are committed together, all of them fail together.'
const RETRYABLE =
  'An error with `retryable: true` says that the same call may succeed later (a full disk, a lost connection); ' +
  'any other says that it will not.'

export const failureClaims: readonly LogClaim[] = [
  claim('an append that fails adds nothing, and nobody sees it', {
    'EventLog.append': NOT_ADDED
  }, ['failNext'], async (probe) => {
    const hold = await probe.make()
    const first = await hold.append('first')
    await probe.failNext(hold)
    await fails(hold, 'lost')
    await probe.quiet()
    await has(hold, ['"first"'])
    await hold.isFound(first, 'the newest entry, as the head')
    const second = await hold.append('second')
    await has(hold, ['"first"', '"second"'])
    unique([hold.before, first, second])
    promiseSame(positionsOf(await hold.after(first)), [second], 'that nothing stands in between')
  }),

  claim('appends fail together, or are added in their order', {
    'EventLog.append': `${NOT_ADDED} … ${TOGETHER}`
  }, ['failNext'], async (probe) => {
    const hold = await probe.make()
    await probe.failNext(hold)
    const results = await Promise.allSettled(numbers(8).map((number) => hold.append(number)))
    const added = results.flatMap((result, index) => {
      return result.status === 'fulfilled' ? [{ json: String(index + 1), position: result.value }] : []
    })
    promise(added.length < results.length, 'that the append after failNext() fails', () => 'an answer to each')
    await probe.quiet()
    await has(hold, added.map(({ json }) => json))
    promiseSame(hold.told.positions, added.map(({ position }) => position),
      'that each answer is the position of its entry')
  }),

  claim('an append that failed leaves its dedupeId free', {
    'EventLog.append': NOT_ADDED
  }, ['failNext'], async (probe) => {
    const hold = await probe.make()
    await probe.failNext(hold)
    await fails(hold, 'lost', 'a')
    const position = await hold.append('again', { dedupeId: 'a' })
    await has(hold, ['"again"'])
    promiseSame(hold.told.positions, [position], 'that the second attempt is added')
  }),

  claim('an append fails by an error that says whether to try again, and that is true', {
    'the contract': RETRYABLE
  }, ['failNext'], async (probe) => {
    const hold = await probe.make()
    await probe.failNext(hold)
    const error = await fails(hold, 'first')
    promise(error instanceof Error, 'that append() fails by an error', () => shown(error))
    const retryable = 'retryable' in error ? error.retryable : undefined
    promise(retryable === undefined || typeof retryable === 'boolean', 'that retryable is true, false or absent',
      () => shown(retryable))
    if (retryable !== true) return
    await hold.append('first')
    await has(hold, ['"first"'])
  }),

  claim('a failed append is forgotten by a restart too', {
    'EventLog.append': NOT_ADDED
  }, ['failNext', 'reopen'], async (probe) => {
    const first = await probe.make()
    const positions = [await first.append('a')]
    await probe.failNext(first)
    await fails(first, 'lost')
    const hold = await probe.restarted(first)
    positions.push(await hold.append('b'))
    promiseSame(jsonsOf(await hold.all()), ['"a"', '"b"'], 'that the log has what was added')
    unique(positions)
  })
]

async function fails (hold: Hold, data: string, dedupeId?: string): Promise<object> {
  try {
    const position = await hold.append(data, { dedupeId })
    promise(false, 'that the append after failNext() fails', () => `the answer ${shown(position)}`)
  } catch (error) {
    if (typeof error === 'object' && error !== null && !('promised' in error)) return error
    throw error
  }
  return {}
}

async function has (hold: Hold, jsons: readonly string[]): Promise<void> {
  promiseSame(jsonsOf(await hold.all()), jsons, 'that the log has what was added, and no more')
  promiseSame(hold.told.jsons, jsons, 'that the tail is told what was added, and no more')
}
