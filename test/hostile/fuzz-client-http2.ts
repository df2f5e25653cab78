/** A client that plays a script over HTTP/2: one session for each leg, with streams beside its own that it does not read. */
import { LIMIT_MS, requestHeaders, type Received, type Surroundings } from './fuzz-client.ts'
import type { Leg, Run } from './fuzz-script.ts'
import { turns } from './fuzz-source.ts'
import type { Response } from './http-bytes.ts'
import { Session, type SessionStream } from './http2-session.ts'
import { resetSocket } from './reset-socket.ts'

/** What a stream takes once its client reads to the end. */
const WIDE = 1024 * 1024
/** Through a smaller one hardly anything passes in time. */
const SMALLEST_WINDOW = 1_000

/** One session, from the request to its end; it stays when the leg is over. Fails where the server never ends a stream that the client reads to the end. */
export async function playLegOverHttp2 (path: string, run: Run, leg: Leg, headers: Record<string, string>, { port, nudge, linger, mayAsk }: Surroundings): Promise<Received> {
  const client = new Session(port, { initialWindowSize: leg.window })
  const { session } = client
  // a mere end is not enough: until Node 24 an ordinary response that was reset with NO_ERROR holds its session, and that its socket
  linger(() => { resetSocket(client.socket) })
  // a PING overtakes requests that wait to be sent; one that is sent when the first was answered does not
  const arrived = async (): Promise<void> => {
    const isOpen = (): boolean => !session.closed && !session.destroyed
    for (let answered = 0; answered < 2 && isOpen();) {
      const errors: Array<Error | null> = []
      session.ping((error) => { errors.push(error) })
      do await turns(1); while (errors.length === 0 && isOpen())
      // Node refuses a PING while ten have no answer
      if (errors[0] === null) answered++
    }
  }
  const asked: SessionStream[] = []
  const ask = (...args: Parameters<Session['ask']>): SessionStream | undefined => {
    // the server may have closed it
    if (session.closed || session.destroyed || !mayAsk(arrived)) return undefined
    const stream = client.ask(...args)
    asked.push(stream)
    return stream
  }
  for (let count = 0; count < run.ahead; count++) ask('/ahead')
  const own = ask(path, { ...requestHeaders(run), ...headers })
  for (let count = 0; count < Math.min(run.behind, 5); count++) if (own !== undefined) client.ask('/endless').stream.pause()
  const ping = (): void => { if (leg.pings && !session.destroyed) session.ping(() => {}) }
  const widen = (): void => { if (!session.destroyed) session.settings({ initialWindowSize: WIDE }) }
  for (const step of leg.steps) {
    ping()
    if (step.do === 'turns') await turns(step.count)
    if (step.do === 'bytes') await more(own, step.count)
    if (step.do === 'pause') await pause(step.ms, ping)
    if (step.do === 'stall') own?.stream.pause()
    if (step.do === 'flow') own?.stream.resume()
    if (step.do === 'junk') widen()
    if (step.do === 'ask') ask('/behind')
  }
  // a stream that its client cuts with NO_ERROR looks whole to it
  const isOver = new Set(asked.filter(({ isClosed }) => isClosed))
  if (leg.leave === 'close') session.destroy()
  if (leg.leave === 'reset') own?.reset(leg.code)
  if (leg.leave === 'half close') {
    // or GOAWAY would overtake requests that wait to be sent: see REFUSES_SAFELY
    await arrived()
    if (!session.destroyed) session.goaway(leg.code)
  }
  if (leg.leave === 'read to the end' || leg.leave === 'half close') {
    widen()
    own?.stream.resume()
    const limit = performance.now() + LIMIT_MS
    for (let pauseMs = 0; own?.isClosed === false; pauseMs = Math.min(pauseMs + 1, 10)) {
      if (performance.now() > limit) throw new Error(`a client waits in vain for the end; what it got ends with ${JSON.stringify(own.text.slice(-200))}`)
      nudge()
      ping()
      await new Promise((resolve) => { setTimeout(resolve, pauseMs) })
    }
  }
  // with a short time-out, the last bytes may be cut when the source has ended; and who takes single bytes takes no slice in time
  const isPatient = leg.leave === 'read to the end' && own !== undefined && run.options.writeTimeoutMs === undefined && leg.window >= SMALLEST_WINDOW
  const responses = asked.map((stream) => responseOf(stream, stream.isWhole && (leg.leave === 'read to the end' || isOver.has(stream))))
  return { responses: () => responses, isPatient }
}

function responseOf ({ status, text }: SessionStream, isWhole: boolean): Response | undefined {
  return status === 0 ? undefined : { status, head: [], body: text, isWhole }
}

/** Waits for more bytes, as long as some come. */
async function more (stream: SessionStream | undefined, count: number): Promise<void> {
  if (stream === undefined) return
  const wanted = stream.text.length + count
  for (let quiet = 0, seen = -1; stream.text.length < wanted && !stream.isClosed && quiet < 40; quiet++) {
    if (seen !== stream.text.length) quiet = 0
    seen = stream.text.length
    await turns(1)
  }
}

async function pause (ms: number, ping: () => void): Promise<void> {
  for (let left = ms; left > 0; left -= 10) {
    ping()
    await new Promise((resolve) => { setTimeout(resolve, Math.min(left, 10)) })
  }
}
