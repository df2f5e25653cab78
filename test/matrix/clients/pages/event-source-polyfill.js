/** event-source-polyfill. */
import { script } from './elements.js'
import { open as openEventSource } from './eventsource.js'

export async function open (task) {
  await script('/modules/event-source-polyfill/src/eventsource.js')
  openEventSource({ ...task, EventSource: window.EventSourcePolyfill })
}
