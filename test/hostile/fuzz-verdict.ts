/** What must hold when a world was played. */
import { EventStreamEnded } from '../../lib/index.ts'
import type { LogLine } from '../story/serve.ts'
import type { Run } from './fuzz-script.ts'
import { eventAt, THROWN } from './fuzz-source.ts'
import type { Played, PlayedWorld } from './fuzz-world.ts'
import { eventsIn, type Response, type StreamEvent } from './http-bytes.ts'

/** What the ordinary route behind a stream answers. */
const BEHIND = '{"behind":true}'

/** Something that went wrong: in which run, or `undefined` for the world itself. */
export interface Wrong { readonly run: number | undefined, readonly what: string }

/** All that went wrong in a world. */
export function verdict (played: PlayedWorld): Wrong[] {
  const ends = new Map<string, LogLine[]>()
  for (const line of played.log) if (line.stream !== undefined && line.reqId !== undefined) ends.set(line.reqId, [...ends.get(line.reqId) ?? [], line])
  return [
    ...played.wrongs.map((what) => ({ run: undefined, what })),
    ...played.log.filter(isUnexpected).map((line) => ({ run: runOf(line.reqId), what: `a log line: ${JSON.stringify(line)}` })),
    ...played.runs.flatMap((run, index) => wrongsOf(run, index, ends, played).map((what) => ({ run: index, what })))
  ]
}

/** What the fuzzer's sources fail with, and what is answered where too many streams are open. */
const EXPECTED: ReadonlySet<string> = new Set(['FST_EVENTFEED_BAD_EVENT', 'FST_EVENTFEED_BAD_FIELD', 'FST_EVENTFEED_TOO_MANY_CONNECTIONS', 'FST_EVENTFEED_DRAINING', 'FST_EVENTFEED_NOT_BEGUN', 'ERR_STREAM_NULL_VALUES'])

/** Complaints of anything but what the fuzzer itself did. */
function isUnexpected ({ level, msg, err }: LogLine): boolean {
  if (level < 40) return false
  if (level === 40) return !msg.includes('still runs') && !msg.includes('was refused: max-connections')
  return err === undefined || !(err.message === THROWN || EXPECTED.has(err.code ?? ''))
}

function runOf (reqId: string | undefined): number | undefined {
  const number = /^\/run\/(\d+)\//.exec(reqId ?? '')?.[1]
  return number === undefined ? undefined : Number(number)
}

function wrongsOf (played: Played, index: number, ends: ReadonlyMap<string, readonly LogLine[]>, { world }: PlayedWorld): string[] {
  const { run, record, handled, opened, refused } = played
  const wrongs = [...played.wrongs, ...record.wrongs]
  if (record.began !== record.ended) wrongs.push(`of ${record.began} sources that began ${record.ended} ran their finally`)
  const isClosing = world.closeAfterTurns !== undefined
  for (const path of handled) {
    const lines = ends.get(path)?.length ?? 0
    const wanted = opened.has(path) ? 1 : 0
    if (lines !== wanted) wrongs.push(`${path} has ${lines} end lines and not ${wanted}`)
    // a pipelined one whose turn never comes is none
    const mayBeNone = refused.has(path) || isClosing || run.ahead > 0
    if (wanted === 0 && !mayBeNone) wrongs.push(`${path} has opened no stream`)
    if (wanted === 0 && record.began > 0) wrongs.push(`${path} has opened no stream, but its source has begun`)
  }
  const reason = ends.get(`/run/${index}/0`)?.[0]?.stream?.reason
  wrongs.push(...wrongsOfSignal(record.signal, reason))
  try {
    wrongs.push(...wrongsOfBytes(played, index, ends, isClosing))
  } catch (error) {
    wrongs.push(String(error))
  }
  return wrongs
}

function wrongsOfSignal (signal: AbortSignal | undefined, reason: string | undefined): string[] {
  if (signal === undefined) return []
  if (!signal.aborted) return ['the signal is not aborted']
  if (!(signal.reason instanceof EventStreamEnded)) return [`the signal has the reason ${String(signal.reason)}`]
  return signal.reason.reason === reason ? [] : [`the signal says ${signal.reason.reason}, the log says ${String(reason)}`]
}

function wrongsOfBytes (played: Played, index: number, ends: ReadonlyMap<string, readonly LogLine[]>, isClosing: boolean): string[] {
  const { run, legs, record, feeds } = played
  const wrongs: string[] = []
  const streams: StreamEvent[][] = []
  let hasAll = false
  const isPlain = run.accept !== 'text/event-stream'
  const isEventSource = !isPlain && run.isEventSource
  for (const [number, { received }] of legs.entries()) {
    const all = received.responses()
    const response = all[run.ahead]
    const path = `/run/${index}/${number}`
    const reason = ends.get(path)?.[0]?.stream?.reason
    wrongs.push(...wrongsOfOthers(all, run, isClosing), ...wrongsOfStatus(played, path, response, reason, isClosing))
    const isStream = response?.status === 200
    // who names the format is refused by a stream that says when to come back
    const isRefused = !isPlain && reason === undefined
    // of a client that is no EventSource the line is cut, unless its source has said all
    const isCut = !isEventSource && !isRefused && reason !== 'done' && (isStream || (response === undefined && run.http === '1.0'))
    // when a server cuts a session, Node resets its streams with NO_ERROR: they look whole to the client
    const mayLookWhole = run.http === '1.0' ? isClosing || !canTellReset(received, run, number) : run.http === '2' && isClosing
    if (isCut && response?.isWhole === true && !mayLookWhole) wrongs.push(`${path} has a clean end, and its reason is ${String(reason)}`)
    if (received.isPatient && !isClosing && !isCut && reason !== 'write-timeout' && response?.isWhole !== true) wrongs.push(`${path} was cut, though its client reads on; it got ${JSON.stringify(response?.body.slice(-100))}, and the reason is ${String(reason)}`)
    const events = isStream ? eventsIn(response.body) : []
    wrongs.push(...wrongsOfControls(events, isPlain))
    const isOver = events.at(-1)?.event === 'stream:done' || (isStream && response.isWhole && (isPlain || run.http !== '1.0') && reason === 'done')
    if (isOver && !isPlain && run.options.onEnd === 'stop' && events.at(-1)?.event !== 'stream:done') wrongs.push(`${path} ends without stream:done`)
    hasAll = isOver
    streams.push(events.filter(({ event }) => !event.startsWith('stream:')))
  }
  if (feeds !== undefined) return [...wrongs, ...feeds.wrongs(streams, { hasAll, kept: legs.slice(1).map(({ hasId }) => hasId) })]
  return [...wrongs, ...wrongsOfYielded(streams[0] ?? [], record.yielded, run.source.kind === 'node bytes', hasAll)]
}

/**
 * True where a client of HTTP/1.0 learns that its connection was reset. When it ends its side, Node ends the other, which
 * is how a whole response ends. Of a reset that comes while a client does not read, or with the last bytes, libuv makes an
 * end: a drain, and a short `writeTimeoutMs`, do not wait for the one to follow the other.
 */
function canTellReset ({ isPatient }: { readonly isPatient: boolean }, { legs, options: { writeTimeoutMs } }: Run, leg: number): boolean {
  return isPatient && writeTimeoutMs === undefined && legs[leg]?.steps.every((step) => step.do !== 'stall' && step.do !== 'pause') === true
}

/** The requests ahead and behind get their own answers, and nobody else's. */
function wrongsOfOthers (all: ReadonlyArray<Response | undefined>, { ahead, http }: Run, isClosing: boolean): string[] {
  return all.flatMap((response, index) => {
    if (index === ahead || response?.isWhole !== true || response.status >= 400) return []
    // when a server cuts a session, Node resets its streams with NO_ERROR: they look whole to the client
    if (http === '2' && isClosing && (BEHIND.startsWith(response.body) || 'retry: '.startsWith(response.body.slice(0, 7)) || /^:(?: [^\n]*)?$/.test(response.body))) return []
    const isRight = index < ahead
      ? /^(?:: [^\n]+\n)?retry: \d+\n(data: ahead\n\n|\n|\nretry)/.test(response.body)
      : response.body === BEHIND || /^(?:: [^\n]+\n)?retry: \d+\n/.test(response.body)
    return isRight ? [] : [`response ${index} is ${JSON.stringify(response.body.slice(0, 200))}`]
  })
}

function wrongsOfStatus ({ opened }: Played, path: string, response: Response | undefined, reason: string | undefined, isClosing: boolean): string[] {
  if (response === undefined || response.status === 200) return []
  const isRight = response.status === 500 ? reason === 'failed' : response.status === 503 ? !opened.has(path) || isClosing : response.status === 400
  return isRight ? [] : [`${path} has the status ${response.status}, and ended for the reason ${String(reason)}`]
}

/** The last word is the last, nothing is missing, and nobody gets words who does not handle them. */
function wrongsOfControls (events: readonly StreamEvent[], isPlain: boolean): string[] {
  const wrongs: string[] = []
  if (isPlain) for (const { event } of events) if (event.startsWith('stream:')) wrongs.push(`${event} for a client that does not handle it`)
  for (const { event } of events.slice(0, -1)) if (event === 'stream:done' || event === 'stream:error') wrongs.push(`something follows ${event}`)
  if (events.some(({ event }) => event === 'stream:gap')) wrongs.push('a gap, though the log keeps all')
  return wrongs
}

function wrongsOfYielded (events: readonly StreamEvent[], yielded: readonly number[], isPlain: boolean, hasAll: boolean): string[] {
  const wrongs: string[] = []
  events.forEach((event, index) => {
    const bytes = yielded[index]
    if (bytes === undefined) {
      wrongs.push(`event ${index} was not yielded: ${JSON.stringify(event).slice(0, 200)}`)
      return
    }
    const { data, event: type = 'message', id } = eventAt(index, bytes, isPlain)
    if (event.data !== data || event.event !== type || event.id !== id) wrongs.push(`event ${index} is ${JSON.stringify(event).slice(0, 200)}`)
  })
  if (hasAll && events.length !== yielded.length) wrongs.push(`${events.length} of ${yielded.length} events came, and then the end`)
  return wrongs
}
