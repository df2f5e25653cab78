/** @microsoft/fetch-event-source with a header that does not name the format. */
import { open as openFetchEventSource } from './fetch-event-source.js'

export const open = (task) => openFetchEventSource(task, { accept: '*/*' })
