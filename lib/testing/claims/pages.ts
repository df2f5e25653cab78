/** Claims about `page`: history without a hole, in pieces. */
import { promise, promiseSame } from '../broken.ts'
import { shown } from '../../errors.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts } from '../log-hold.ts'

const LIMIT = 'Reads up to `limit` entries (1 or more) that follow `after`, without a hole between them.'
const EMPTY = 'Where `after` is the head, and only there, the page is empty.'
const GAP = 'A gap where `locate` finds one.'
const NEVER_EMPTY = 'Never empty where the log has a next entry.'

export const pageClaims: readonly LogClaim[] = [
  claim('pages lead from the oldest entry to the head, without a hole', {
    'EventLog.page': LIMIT,
    LogPage: 'Entries that follow each other in the log, oldest first.'
  }, [], async (probe) => {
    const hold = await probe.make()
    await hold.appendAll(numbers(43))
    for (const limit of [1, 2, 7, 42, 43, 44, 1000]) {
      promiseSame(jsonsOf(await hold.all(limit)), numberTexts(43),
      `that pages of ${limit} give each entry, in order`)
    }
  }),

  claim('pages lead through a long history', { 'EventLog.page': LIMIT }, [], async (probe) => {
    const hold = await probe.make()
    await hold.appendAll(numbers(1500))
    promiseSame(jsonsOf(await hold.all(500)), numberTexts(1500), 'that pages of 500 give each entry, in order')
  }),

  claim('a page has no more entries than were asked for', { 'EventLog.page': LIMIT }, [], async (probe) => {
    const hold = await probe.make()
    const positions = [hold.before, ...await hold.appendAll(numbers(10))]
    // hold.page throws where there are more
    for (const [index, position] of positions.slice(0, -1).entries()) {
      for (const limit of [1, 3, 10, 11]) {
        const page = await hold.page(position, limit)
        const entries = page.kind === 'page' ? page.entries : []
        promiseSame(jsonsOf(entries), numberTexts(10).slice(index, index + entries.length),
          `that a page of ${limit} after entry ${index} begins with the next entry`)
      }
    }
  }),

  claim('a page is empty at the head, and nowhere else', {
    'EventLog.page': EMPTY,
    'LogPage.entries': NEVER_EMPTY
  }, [], async (probe) => {
    const hold = await probe.make({ entries: 4 })
    for (const number of numbers(7)) {
      const { before } = await hold.earliest()
      const head = await hold.append(number)
      const page = await hold.page(head, 5)
      promise(page.kind === 'page' && page.entries.length === 0, 'that the page after the head is empty',
        () => shown(page))
      const after = number > 4 ? (await hold.earliest()).before : before
      for (const limit of [1, 100]) {
        const next = await hold.page(after, limit)
        promise(next.kind === 'page' && next.entries.length > 0,
          'that a page is not empty where there is a next entry', () => shown(next))
      }
    }
  }),

  claim('a page after the head of an empty log is empty', { 'EventLog.page': EMPTY }, [], async (probe) => {
    const hold = await probe.make()
    const page = await hold.page(hold.before, 1)
    promise(page.kind === 'page' && page.entries.length === 0, 'an empty page', () => shown(page))
  }),

  claim('a page after a position that the log cannot continue from is a gap', {
    'EventLog.page': GAP
  }, [], async (probe) => {
    const [hold, other] = [await probe.make({ entries: 3 }), await probe.make()]
    const positions = await hold.appendAll(numbers(6))
    const foreign = await other.append(1)
    for (const position of [positions[0] ?? '', positions[1] ?? '', foreign, 'no position', '']) {
      const [located, page] = [await hold.locate(position), await hold.page(position, 10)]
      promise(located.kind === 'gap', `a gap of locate() for ${shown(position)}`, () => located.kind)
      promiseSame([page], [located], `that page() answers the gap of locate() for ${shown(position)}`)
    }
  })
]
