/** The ids of rooms: given by the application, often from a URL. */
import { BadOption, shown } from '../errors.ts'
import { isFeedName } from '../wire/event-id.ts'

/** Stands between the name of a family and the id of a room, and so in no name of a family. */
export const SEPARATOR = ':'

/** Checks the id of a room. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function checkRoomId (id: unknown): asserts id is string {
  if (isFeedName(id)) return
  throw new BadOption(`the id of a room must be a string of 1 to 128 characters without white space, comma and "=", and not begin with "~", not ${shown(id)}`)
}
