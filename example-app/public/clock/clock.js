/**
 * The clock page: shows the last event, the state of the line, and what has happened to it.
 */
import { timeOfDay } from '/element.js'
import { openEventStream } from '/event-stream.js'
import { Happenings } from '/happenings.js'
import { Trace } from './trace.js'

const byId = (id) => document.getElementById(id)
const trace = new Trace(byId('trace'))
const happenings = new Happenings()

const line = openEventStream('/clock/events', {
  events: { message: showEvent, 'stream:error': () => happenings.note('lost', 'The server reported an error.') },
  onState (state, awayMs) {
    if (happenings.state(state, awayMs)) trace.state(state)
  }
})

happenings.listenToCut(line)
byId('curl').textContent = `curl -N ${window.location.origin}${line.address}`

function showEvent (event) {
  const { count, time } = JSON.parse(event.data)
  byId('count').textContent = count
  byId('time').textContent = timeOfDay(new Date(time))
  trace.event()
}
