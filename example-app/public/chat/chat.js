/**
 * The chat page. Its address says who the user is and how to read, `?user=bob&friends=true&format=detailed`, and the
 * page asks the server for just that. When a setting changes, the page opens another stream where the last one stopped.
 */
import { openEventStream } from '/event-stream.js'
import { Compose } from './compose.js'
import { Conversation } from './conversation.js'
import { People } from './people.js'
import { Settings } from './settings.js'
import { Wire } from './wire.js'

const WORDS = {
  connecting: 'Connecting',
  open: 'Connected',
  lost: 'Connection lost, reconnecting',
  ended: 'Ended'
}

const byId = (id) => document.getElementById(id)

const settings = new Settings(() => {
  if (lastEventId !== '') conversation.markChanged(settings.query)
  open()
})
const conversation = new Conversation(settings.user)
const wire = new Wire(byId('wire'))
const people = new People(settings.user)
const compose = new Compose(settings.user)

let line
/** The last event ID of any of this page's streams; empty until the first bookmark. */
let lastEventId = ''
/** Set while the line is lost, and until the stream says where it continues. */
let awayMs

open()

/** Opens the stream that the settings ask for, and closes the previous one. */
function open () {
  line?.close()
  awayMs = undefined
  const where = lastEventId === '' ? { history: true } : { lastEventId }
  line = openEventStream('/chat-updates', {
    query: { ...settings.query, ...where },
    events: {
      message: received(({ data }) => {
        const message = JSON.parse(data)
        conversation.add(message)
        people.seen(message.from)
      }),
      'stream:bookmark': received(() => {
        if (awayMs !== undefined) conversation.markResumed(awayMs, lastEventId)
        awayMs = undefined
      }),
      'stream:gap': received(({ data }) => {
        conversation.markGap(JSON.parse(data))
        awayMs = undefined
      }),
      'stream:done': received(() => {}),
      'stream:error': received(({ data }) => compose.complain(`The stream failed on the server (${JSON.parse(data).code}).`))
    },
    onState: showState
  })
  settings.showAddress(line.address)
}

/** Done with every event, whatever its type: keeps its id, and shows it as it arrived. */
function received (show) {
  return (event) => {
    lastEventId = event.lastEventId
    wire.event(event)
    show(event)
    conversation.showPosition(lastEventId)
  }
}

function showState (state, away) {
  if (away !== undefined && lastEventId !== '') awayMs = away
  document.documentElement.dataset.line = state
  byId('state').dataset.state = state
  byId('state').textContent = WORDS[state]
  byId('head-words').textContent = state === 'open' ? 'live at' : `${WORDS[state].toLowerCase()}${lastEventId === '' ? '' : ', read up to'}`
  if (state === 'open') compose.complain('')
  if (state !== 'connecting') wire.state(state)
}

byId('cut').addEventListener('click', () => line.cut().catch((error) => compose.complain(error.message)))
