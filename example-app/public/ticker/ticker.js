/**
 * The ticker page: a row for each share with its newest price, and the number of events and gaps so far.
 */
import { openEventStream } from '/event-stream.js'
import { Happenings } from '/happenings.js'
import { Prices } from './prices.js'

const GAP_WORDS = {
  trimmed: 'the server no longer has the prices that this page missed',
  epoch: 'the server was restarted',
  lagged: 'this page was too slow, and continues with the newest prices',
  failed: 'the server could not prepare one price'
}

const byId = (id) => document.getElementById(id)
const prices = new Prices(byId('prices'))
const happenings = new Happenings()
let events = 0
let gaps = 0

const line = openEventStream('/ticker/events', {
  events: {
    price (event) {
      events += 1
      byId('events').textContent = events
      prices.show(JSON.parse(event.data))
      showPosition(event)
    },
    'stream:gap' (event) {
      const { reason } = JSON.parse(event.data)
      gaps += 1
      byId('gaps').textContent = gaps
      const words = GAP_WORDS[reason] ?? 'the server does not recognise where this page stopped'
      happenings.note('gap', `Gap (${reason}): ${words}.`)
      showPosition(event)
    },
    'stream:bookmark': showPosition,
    'stream:error': () => happenings.note('lost', 'The server reported an error.')
  },
  onState: (state, awayMs) => happenings.state(state, awayMs)
})

happenings.listenToCut(line)
byId('curl').textContent = `curl -N ${window.location.origin}${line.address}`

/** The prices of the snapshot have no id: the first id comes with the bookmark that follows them. */
function showPosition ({ lastEventId }) {
  byId('position').textContent = lastEventId === '' ? 'none yet' : lastEventId
}
