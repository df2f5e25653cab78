/** reconnecting-eventsource, over the browser's own `EventSource`. */
import EventSource from '/modules/reconnecting-eventsource/build/esm/reconnecting-eventsource.js'
import { open as openEventSource } from './eventsource.js'

export const open = (task) => openEventSource({ ...task, EventSource })
