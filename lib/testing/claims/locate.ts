/** Claims about `locate` and `earliest`: whom the log can serve, and what it says where it cannot. */
import { LOG_AT_ONCE_MS } from '../../defaults.ts'
import { shown } from '../../errors.ts'
import { promise, promiseSame } from '../broken.ts'
import { claim, type LogClaim } from '../log-claim.ts'
import { jsonsOf, numbers, numberTexts, positionsOf, type Hold } from '../log-hold.ts'

const CONTINUE =
  'Whether a reader whose last event ID is `position` can continue: whether the entry after it is kept, or comes ' +
  'next.'
const ENDS = 'The head is found, and so is the position just before the oldest entry.'
const ANY_TEXT = '`position` is what a client has sent: any text.'
const AT_ONCE = 'A log that one process has to itself answers `ahead` at once.'
const OLDEST = 'The position of the oldest entry that is kept; `null` where there is none.'
const BEFORE = 'The position just before that entry; of an empty log, its head. `page` continues from there.'
const MALFORMED = '- `malformed`: it is no position of this kind of log.'
const EPOCH = '- `epoch`: it belongs to another log, or to a history that was deleted or lost.'
const AHEAD = '- `ahead`: it is newer than the newest entry.'
const TRIMMED = '- `trimmed`: the entry after it is not kept any more.'

/** Texts that break the form of every position. */
const NO_POSITIONS = [
  '', ' ', '\0', '\n', ',', '=', 'a b', 'a,b', 'a=1', '~', '~done', '~done.x', '\u007f', '\u0085', '\u2003', '\u2028',
  'x'.repeat(129), '9'.repeat(100_000)
]
/** Texts that a log may take for a position, but has never given. */
const STRANGE = [
  '0', '-', '-1', '1', '1.5', '1e3', 'NaN', 'null', 'undefined', 'true', '__proto__', 'constructor', 'toString', '*',
  '%', '$', '+', '\'', '"', '\';--', '{}', '[]', '0x10', '٣', '\ud800', '\u{1f600}', '../../x', '9'.repeat(20),
  '9'.repeat(128), '-'.repeat(128), 'a-b-c', '1-1', '0-0', '18446744073709551615-1', 'latest'
]

export const locateClaims: readonly LogClaim[] = [
  claim('an empty log begins at its head', {
    'EventLog.earliest': 'Where the history begins.',
    'LogGap.oldest': OLDEST,
    'LogGap.before': BEFORE
  }, [], async (probe) => {
    const hold = await probe.make()
    const beginning = await hold.earliest()
    promise(beginning.oldest === null, 'that an empty log has no oldest entry', () => shown(beginning.oldest))
    await hold.begins(beginning, [], 'earliest()')
    await hold.append(1)
    promiseSame(jsonsOf(await hold.after(beginning.before)), ['1'], 'that the log goes on from where it began')
  }),

  claim('a log begins at its oldest entry', {
    'EventLog.earliest': 'Where the history begins.',
    'LogGap.oldest': OLDEST
  }, [], async (probe) => {
    const hold = await probe.make({ entries: 3 })
    for (const number of numbers(6)) {
      await hold.append(number)
      await hold.begins(await hold.earliest(), await hold.all(), 'earliest()')
    }
  }),

  claim('the head is found, whatever was appended', { 'EventLog.locate': ENDS }, [], async (probe) => {
    const hold = await probe.make({ entries: 2 })
    await hold.isFound((await hold.earliest()).before, 'the head of an empty log')
    for (const number of numbers(4)) await hold.isFound(await hold.append(number), 'the newest entry, as the head')
  }),

  claim('every position that is kept goes on at the entry after it', {
    'EventLog.locate': `${CONTINUE} ${ENDS}`
  }, [], async (probe) => {
    const hold = await probe.make()
    const positions = [hold.before, ...await hold.appendAll(numbers(12))]
    for (const [index, position] of positions.entries()) {
      await hold.isFound(position, `the position of entry ${index}`)
      promiseSame(jsonsOf(await hold.after(position)), numberTexts(12).slice(index),
        `that the log goes on after entry ${index}`)
    }
  }),

  claim('a position whose next entry has left is trimmed, one later is found', {
    'LogGap.reason': TRIMMED,
    'EventLog.locate': ENDS,
    'LogGap.before': BEFORE
  }, [], async (probe) => {
    const hold = await probe.make({ entries: 5 })
    const positions = [hold.before, ...await hold.appendAll(numbers(9))]
    for (const [index, position] of positions.entries()) {
      if (index < 4) await hold.isGap(position, `the position of entry ${index}, of which 5 to 9 are kept`, ['trimmed'])
      else await hold.isFound(position, `the position of entry ${index}, of which 5 to 9 are kept`)
    }
  }),

  claim('a position of another log is of another epoch', { 'LogGap.reason': EPOCH }, [], async (probe) => {
    const [hold, other] = [await probe.make(), await probe.make()]
    const foreign = [other.before, ...await other.appendAll(numbers(5))]
    for (const appended of numbers(3)) {
      for (const position of foreign) await hold.isGap(position, 'a position of another log', ['epoch'])
      await hold.append(appended)
    }
  }),

  claim('a position that is newer than the newest is ahead', { 'LogGap.reason': AHEAD }, ['ahead'], async (probe) => {
    const hold = await probe.make({ entries: 3 })
    for (const number of numbers(5)) {
      const newest = await hold.append(number)
      await hold.isGap(probe.ahead(newest), 'a position after the newest', ['ahead'])
      await hold.isFound(newest, 'the newest entry, as the head')
    }
  }),

  claim('a log that one process has answers ahead at once', {
    'EventLog.locate': AT_ONCE
  }, ['ahead', 'rival'], async (probe) => {
    const hold = await probe.make()
    const position = probe.ahead(await hold.append(1))
    const began = performance.now()
    await hold.isGap(position, 'a position after the newest', ['ahead'])
    const tookMs = Math.round(performance.now() - began)
    promise(tookMs < LOG_AT_ONCE_MS, `an answer within ${LOG_AT_ONCE_MS} ms`, () => `an answer after ${tookMs} ms`)
  }),

  claim('text that is no position is malformed', {
    'LogGap.reason': MALFORMED,
    'EventLog.locate': ANY_TEXT
  }, [], async (probe) => {
    const hold = await probe.make()
    const position = await hold.append(1)
    const near = [
      `${position} `, ` ${position}`, `${position}\n`, `${position}\0`, `${position},${position}`, `feed=${position}`,
      `~${position}`, `${position}\u2028`
    ]
    for (const text of [...NO_POSITIONS, ...near]) await hold.isGap(text, 'a text that is no position', ['malformed'])
    await hold.isFound(position, 'the newest entry, as the head')
  }),

  claim('text that a client has made up is never found', { 'EventLog.locate': ANY_TEXT }, [], async (probe) => {
    const hold = await probe.make({ entries: 5 })
    const given = [hold.before, ...await hold.appendAll(numbers(8))]
    const texts = new Set([...STRANGE, ...given.slice(-2).flatMap(variantsOf)])
    for (const text of given) texts.delete(text)
    for (const text of texts) await isNeverFound(hold, text)
    promiseSame(jsonsOf(await hold.all()), numberTexts(8).slice(3), 'that the log is as it was')
  }),

  claim('a client goes on where it was after a restart', { 'EventLog.locate': CONTINUE }, ['reopen'], async (probe) => {
    let hold = await probe.make({ entries: 10 })
    const positions = [hold.before, ...await hold.appendAll(numbers(4))]
    for (let restart = 1; restart <= 2; restart++) {
      hold = await probe.restarted(hold)
      for (const [index, position] of positions.entries()) {
        await hold.isFound(position, `the position of entry ${index}, which is kept`)
        promiseSame(positionsOf(await hold.after(position)), positions.slice(index + 1),
          'that the log goes on after it')
      }
      positions.push(await hold.append(4 + restart))
    }
  }),

  claim('a restart changes nothing about where a log begins', {
    'LogGap.before': BEFORE,
    'LogGap.reason': TRIMMED
  }, ['reopen'], async (probe) => {
    const first = await probe.make({ entries: 3 })
    const positions = [first.before, ...await first.appendAll(numbers(6))]
    const hold = await probe.restarted(first)
    await hold.begins(await hold.earliest(), await hold.all(), 'earliest()')
    promiseSame(positionsOf(await hold.all()), positions.slice(4), 'that the newest three entries are kept')
    for (const position of positions.slice(0, 3)) {
      await hold.isGap(position,
        'the position of an entry that left earlier than the restart', ['trimmed'])
    }
  })
]

/** What a client, or a proxy, may make of a position. */
function variantsOf (position: string): string[] {
  const shorter = Array.from(position, (_, index) => position.slice(0, index) + position.slice(index + 1))
  const numbers = ['0$1', '+$1', '-$1', '$1e0', '0x$1', ''].map((changed) => position.replace(/(\d+)$/, changed))
  const otherDigits = position.replace(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit)))
  const longer = [`${position}0`, `0${position}`, `${position}.0`, `+${position}`, `${position}-`, `-${position}`]
  const cases = [position.toUpperCase(), position.toLowerCase()]
  return [...shorter, ...numbers, otherDigits, ...longer, ...cases, position + position]
    .filter((text) => text !== position && text.length <= 128)
}

async function isNeverFound (hold: Hold, text: string): Promise<void> {
  const located = await hold.locate(text)
  promise(located.kind === 'gap', `that locate() finds no text that the log never gave, ${shown(text)}`, () => 'found')
  const page = await hold.page(text, 10)
  promise(page.kind === 'gap', `that page() goes on from no text that the log never gave, ${shown(text)}`,
    () => 'a page')
}
