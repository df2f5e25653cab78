/** sse.js with its option `autoReconnect`. */
import { open as openSse } from './sse.js'

export const open = (task) => openSse(task, { autoReconnect: true })
