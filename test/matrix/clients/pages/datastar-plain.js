/** Datastar with a header that does not name the format. */
import { open as openDatastar } from './datastar.js'

export const open = (task) => openDatastar(task, { accept: '*/*' })
