/** Whether a request accepts an event stream: what is answered without a parser must be what the parser would say. */
import fc from 'fast-check'
import Negotiator from 'negotiator'
import assert from 'node:assert/strict'
import t from 'tap'
import { acceptsEventStream, readsControlEvents } from '../../lib/plugin/negotiation.ts'

const EVENT_STREAM = 'text/event-stream'
const RUNS = 2_000

/** What the parser says of a header that is not empty. */
function parsed (accept: string | undefined): { accepts: boolean, names: boolean } {
  const negotiator = new Negotiator({ headers: { accept } })
  // parameters that are not ours say nothing of the type
  const names = accept !== undefined && negotiator.mediaTypes().some((type) => type.toLowerCase() === EVENT_STREAM)
  return { accepts: names || negotiator.mediaType([EVENT_STREAM]) !== undefined, names }
}

function said (accept: string | undefined): { accepts: boolean, names: boolean } {
  const request = { method: 'GET', headers: accept === undefined ? {} : { accept } }
  return { accepts: acceptsEventStream(request), names: readsControlEvents(request) }
}

const TYPES = [EVENT_STREAM, 'Text/Event-Stream', 'text/*', '*/*', '*', '*/event-stream', 'application/json', 'text/html', 'text/', '']
const PARAMETERS = ['', ';q=1', ';q=0', '; q=0.5', ';q=0.001', ';q=', ';charset=utf-8', ' ; level=1;q=0.2', ';Q=0', ';q="0"', '"']
const JOINTS = [',', ', ', ' ,', ';', ' ', ',,']

t.test('what browsers and fetch send is accepted, and only the name itself is taken for a name', async (t) => {
  t.strictSame(said(EVENT_STREAM), { accepts: true, names: true })
  t.strictSame(said('*/*'), { accepts: true, names: false })
  for (const blank of [undefined, '', ' \t']) t.strictSame(said(blank), { accepts: true, names: false })
  t.strictSame(said('application/json'), { accepts: false, names: false })
})

const range = fc.tuple(fc.constantFrom(...TYPES), fc.constantFrom(...PARAMETERS)).map((parts) => parts.join(''))
const header = fc.oneof(
  fc.tuple(range, fc.array(fc.tuple(fc.constantFrom(...JOINTS), range), { maxLength: 4 })).map((parts) => parts.flat(2).join('')),
  fc.string()
)

t.test('any Accept header means what the parser says', async () => {
  fc.assert(fc.property(header.filter((accept) => accept.trim() !== ''), (accept) => {
    assert.deepEqual(said(accept), parsed(accept))
  }), { numRuns: RUNS })
})
