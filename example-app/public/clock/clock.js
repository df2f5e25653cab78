/**
 * The clock page: shows the last event, the state of the line, and what happened to it.
 */
import { element, seconds, timeOfDay } from '/element.js'
import { openEventStream } from '/event-stream.js'
import { Trace } from './trace.js'

/** The log shows the newest 50 happenings. */
const LOG_LENGTH = 50

const WORDS = {
  connecting: 'Connecting',
  open: 'Opened',
  lost: 'Connection lost, reconnecting',
  ended: 'Ended'
}

const byId = (id) => document.getElementById(id)
const trace = new Trace(byId('trace'))
let shown

const line = openEventStream('/clock/events', {
  events: { message: showEvent, 'stream:error': () => note('lost', 'The server reported an error.') },
  onState: showState
})

byId('curl').textContent = `curl -N ${window.location.origin}${line.address}`
byId('cut').addEventListener('click', async () => {
  try {
    await line.cut()
    note('cut', 'The server destroyed the socket.')
  } catch (error) {
    note('cut', error.message)
  }
})

function showEvent (event) {
  const { count, time } = JSON.parse(event.data)
  byId('count').textContent = count
  byId('time').textContent = timeOfDay(new Date(time))
  trace.event()
}

function showState (state, awayMs) {
  if (state === shown) return
  shown = state
  document.documentElement.dataset.line = state
  byId('state').dataset.state = state
  byId('state').textContent = WORDS[state]
  trace.state(state)
  if (state === 'open') note('open', awayMs === undefined ? 'Opened.' : `Opened again, ${seconds(awayMs)} later.`)
  if (state === 'lost') note('lost', 'Connection lost. The browser reconnects.')
  if (state === 'ended') note('lost', 'Ended. The browser will not come back.')
}

function note (kind, text) {
  const log = byId('log')
  log.prepend(element('li', { 'data-kind': kind }, element('time', {}, timeOfDay(new Date())), element('span', {}, text)))
  while (log.children.length > LOG_LENGTH) log.lastChild.remove()
}
