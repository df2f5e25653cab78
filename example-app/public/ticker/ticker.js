/**
 * The ticker page: a row for each share with its newest price, and how many events and gaps have come.
 */
import { openEventStream } from '/event-stream.js'
import { Happenings } from '/happenings.js'
import { Prices } from './prices.js'

const GAP_WORDS = {
  trimmed: 'the server no longer has what came meanwhile',
  epoch: 'the server was restarted',
  lagged: 'this page was too slow, and goes on with the newest prices'
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
      happenings.note('gap', `Gap (${reason}): ${GAP_WORDS[reason] ?? 'the server does not know where this page stopped'}.`)
      showPosition(event)
    },
    'stream:bookmark': showPosition,
    'stream:error': () => happenings.note('lost', 'The server reported an error.')
  },
  onState: (state, awayMs) => happenings.state(state, awayMs)
})

happenings.listenToCut(line)
byId('curl').textContent = `curl -N ${window.location.origin}${line.address}`

/** The prices of the beginning have no id: the first comes with the bookmark behind them. */
function showPosition ({ lastEventId }) {
  byId('position').textContent = lastEventId === '' ? 'none yet' : lastEventId
}
