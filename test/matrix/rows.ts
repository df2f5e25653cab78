/** The matrix: what the user of each client sees of each stream. `docs/clients.md` shows the same table to users. */
import type { CaseName } from './cases.ts'

/** A client, and what its user sees. */
export interface Row {
  readonly client: string
  /** By case. A case that is not there cannot be asked of the client. */
  readonly cells: Partial<Record<CaseName, string>>
  /** Why a cell is not what one would wish, and what to do. */
  readonly note?: string
}

/** An `EventSource` that acts by the standard. */
const EVENT_SOURCE: Row['cells'] = {
  feed: 'all, ends',
  'finite stream': 'all, ends',
  failure: 'all, + stream:error, resumes, ends',
  drain: 'all, resumes',
  'server away': 'all, resumes',
  'lost line': 'all, resumes',
  gap: 'all, + stream:gap',
  run: 'all, ends',
  'run, lost line': 'all, resumes, ends',
  'run, failure': 'first 2, + stream:error, ends',
  'run, stop': 'first 2, ends',
  'run, drain': 'first 2, + stream:error, ends'
}

/** What reads the response of a `fetch`, which does not name the format, and does not come back. */
const READER: Row['cells'] = {
  feed: 'all, ends',
  'finite stream': 'all, ends',
  failure: 'first 2, fails',
  drain: 'first 2, fails',
  'server away': 'first 2, fails',
  'lost line': 'none, fails',
  gap: 'all, + stream:gap',
  run: 'all, ends',
  'run, lost line': 'first 2, fails',
  'run, failure': 'first 2, fails',
  'run, stop': 'first 2, ends',
  'run, drain': 'first 2, fails',
  'POST, finite stream': 'all, ends',
  'POST, failure': 'first 2, fails',
  'POST, run': 'all, ends',
  'POST, run, failure': 'first 2, fails'
}

/** A `POST` of a client that sends it again after a failure, with its last event ID. */
const RETRIED_POST: Row['cells'] = {
  'POST, finite stream': 'all, ends',
  'POST, failure': 'all, resumes, ends',
  'POST, run': 'all, ends',
  'POST, run, failure': 'first 2, comes back for ever'
}

/** What does not name the format, and comes back whatever the answer. */
const RETRYING_READER: Row['cells'] = {
  feed: 'all, ends',
  'finite stream': 'all, ends',
  failure: 'all, resumes, ends',
  drain: 'all, resumes',
  'server away': 'all, resumes',
  'lost line': '2 3, begins again',
  gap: 'all, + stream:gap',
  run: 'all, ends',
  'run, lost line': 'all, resumes, ends',
  'run, failure': 'first 2, comes back for ever',
  'run, stop': 'first 2, ends',
  'run, drain': 'first 2, comes back for ever',
  ...RETRIED_POST
}

const NAMED_EVENTS = 'Hands named events to its user, those of this plugin too: leave out what begins with `stream:`.'
const NO_BOOKMARK = 'Sends `accept: */*`, so a stream gives it no bookmark. A line that is lost before the first event begins again where the route begins.'
const ASKS_AGAIN = 'It asks again after each failure, also for a run that has failed for good'

export const ROWS: readonly Row[] = [
  ...[
    'Chromium', 'Firefox', 'EventSource of Node 24', 'undici 7', 'undici 8', 'eventsource 2', 'eventsource 3', 'eventsource 4',
    'eventsource 5', 'launchdarkly-eventsource', 'event-source-polyfill'
  ].map((client) => ({ client, cells: EVENT_SOURCE })),
  ...['EventSource of Node 22', 'undici 6'].map((client) => ({
    client,
    cells: { ...EVENT_SOURCE, 'server away': 'first 2, gives up' },
    note: 'Gives up where it cannot connect. Open another one when its `readyState` is `CLOSED`.'
  })),
  {
    client: 'eventsource-client',
    cells: {
      feed: 'all, + stream:bookmark, + stream:done, ends',
      'finite stream': 'all, + stream:done, ends',
      failure: 'all, + stream:error, + stream:done, resumes, ends',
      drain: 'all, + stream:bookmark, resumes',
      'server away': 'all, + stream:bookmark, resumes',
      'lost line': 'all, + stream:bookmark, resumes',
      gap: 'all, + stream:gap',
      run: 'all, + stream:bookmark, + stream:done, ends',
      'run, lost line': 'all, + stream:bookmark, + stream:done, resumes, ends',
      'run, failure': 'first 2, + stream:bookmark, + stream:error, ends',
      'run, stop': 'first 2, + stream:bookmark, + stream:done, ends',
      'run, drain': 'first 2, + stream:bookmark, + stream:error, ends'
    },
    note: NAMED_EVENTS
  },
  {
    client: 'Go: donovanhide/eventsource',
    cells: {
      feed: 'all, + stream:bookmark, + stream:done, comes back for ever',
      'finite stream': 'all, + stream:done, comes back for ever',
      failure: 'all, + stream:error, + stream:done, resumes, comes back for ever',
      drain: 'all, + stream:bookmark, + message, resumes',
      'server away': 'all, + stream:bookmark, + message, resumes',
      'lost line': 'all, + stream:bookmark, resumes',
      gap: 'all, + stream:gap',
      run: 'all, + stream:bookmark, + stream:done, comes back for ever',
      'run, lost line': 'all, + stream:bookmark, + stream:done, resumes, comes back for ever',
      'run, failure': 'first 2, + stream:bookmark, + stream:error, comes back for ever',
      'run, stop': 'first 2, + stream:bookmark, + stream:done, comes back for ever',
      'run, drain': 'first 2, + stream:bookmark, + stream:error, comes back for ever'
    },
    note: `${NAMED_EVENTS} It makes an empty event of the reconnection time that a drain sends. Nothing stops it but its \`Close()\`: call that after \`stream:done\`.`
  },
  {
    client: 'reconnecting-eventsource',
    cells: {
      ...EVENT_SOURCE,
      feed: 'all, resumes, comes back for ever',
      'finite stream': 'all, resumes, comes back for ever',
      failure: 'all, + stream:error, resumes, comes back for ever',
      run: 'all, resumes, comes back for ever',
      'run, lost line': 'all, resumes, comes back for ever',
      'run, failure': 'first 2, + stream:error, comes back for ever',
      'run, stop': 'first 2, resumes, comes back for ever',
      'run, drain': 'first 2, + stream:error, comes back for ever'
    },
    note: 'Opens another `EventSource` where the browser has stopped one. It resumes, and sees nothing twice; call `close()` after `stream:done`.'
  },
  {
    client: 'htmx 2',
    cells: {
      ...EVENT_SOURCE,
      failure: 'all, resumes, ends',
      gap: 'all',
      'run, failure': 'first 2, begins again, comes back for ever',
      'run, drain': 'first 2, comes back for ever'
    },
    note: 'With htmx-ext-sse, and `sse-close="stream:done"`: otherwise it begins each stream again after its end. It swaps the event types that it is given, and shows a gap or an error only where `sse-swap` or `hx-trigger="sse:stream:gap"` names it. One event closes it, so it asks again and again for a run that has failed: end such a run with an event of your own in place of an error.'
  },
  {
    client: 'htmx 4',
    cells: {
      ...EVENT_SOURCE,
      'run, failure': 'first 2, + stream:error, comes back for ever',
      'run, drain': 'first 2, + stream:error, comes back for ever',
      'POST, finite stream': 'all, ends',
      'POST, failure': 'first 2, fails',
      'POST, run': 'all, ends',
      'POST, run, failure': 'first 2, fails'
    },
    note: 'With its extension hx-sse, and `hx-sse:close="stream:done"`: a 204 does not stop it. One event closes it, so it asks again and again for a run that has failed: end such a run with an event of your own in place of an error. It swaps unnamed events; a named one is an event of the element.'
  },
  {
    client: 'Datastar',
    cells: {
      ...EVENT_SOURCE,
      failure: 'all, resumes, ends',
      gap: 'all',
      'run, failure': 'first 2, fails',
      'run, drain': 'first 2, fails',
      ...RETRIED_POST,
      'POST, run, failure': 'first 2, fails'
    },
    note: 'Leaves out what is none of its own events, so it shows no gap. Version 0.21, the newest on npm.'
  },
  {
    client: 'Datastar, `accept: */*`',
    cells: { ...RETRYING_READER, gap: 'all', 'run, failure': 'first 2, fails', 'run, drain': 'first 2, fails', 'POST, run, failure': 'first 2, fails' },
    note: NO_BOOKMARK
  },
  {
    client: '@microsoft/fetch-event-source',
    cells: {
      feed: 'all, + stream:bookmark, + stream:done, ends',
      'finite stream': 'all, + stream:done, ends',
      failure: 'all, + stream:error, + stream:done, resumes, ends',
      drain: 'all, + stream:bookmark, resumes',
      'server away': 'all, + stream:bookmark, resumes',
      'lost line': 'all, + stream:bookmark, resumes',
      gap: 'all, + stream:gap',
      run: 'all, + stream:bookmark, + stream:done, ends',
      'run, lost line': 'all, + stream:bookmark, + stream:done, resumes, ends',
      'run, failure': 'first 2, + stream:bookmark, + stream:error, comes back for ever',
      'run, stop': 'first 2, + stream:bookmark, + stream:done, ends',
      'run, drain': 'first 2, + stream:bookmark, + stream:error, comes back for ever',
      ...RETRIED_POST
    },
    note: `${NAMED_EVENTS} ${ASKS_AGAIN}, unless \`onerror\` throws.`
  },
  {
    client: '@microsoft/fetch-event-source, `accept: */*`',
    cells: RETRYING_READER,
    note: `${NO_BOOKMARK} ${ASKS_AGAIN}, unless \`onerror\` throws.`
  },
  {
    client: '@hey-api/openapi-ts',
    cells: { ...RETRYING_READER, gap: 'all, + message' },
    note: `${NO_BOOKMARK} ${ASKS_AGAIN}, unless \`sseMaxRetryAttempts\` bounds that. Its stream gives the data of a gap without a name, which \`onSseEvent\` has.`
  },
  { client: 'sse.js', cells: READER },
  {
    client: 'sse.js, `autoReconnect`',
    cells: {
      feed: 'all, resumes, comes back for ever',
      'finite stream': 'all, resumes, comes back for ever',
      failure: 'all, resumes, comes back for ever',
      drain: 'all, resumes',
      'server away': 'all, resumes',
      'lost line': '2 3, begins again',
      gap: 'all, + stream:gap',
      run: 'all, resumes, comes back for ever',
      'run, lost line': 'all, resumes, comes back for ever',
      'run, failure': 'first 2, comes back for ever',
      'run, stop': 'first 2, resumes, comes back for ever',
      'run, drain': 'first 2, comes back for ever',
      'POST, finite stream': 'all, resumes, comes back for ever',
      'POST, failure': 'all, resumes, comes back for ever',
      'POST, run': 'all, resumes, comes back for ever',
      'POST, run, failure': 'first 2, comes back for ever'
    },
    note: `${NO_BOOKMARK} It comes back after each end, and sees nothing twice: call \`close()\` after an event of your own, or after the text of the option \`done\`.`
  },
  {
    client: '@modelcontextprotocol/sdk',
    cells: {
      ...EVENT_SOURCE,
      failure: 'all, resumes, ends',
      gap: 'all',
      'run, failure': 'first 2, comes back for ever',
      'run, drain': 'first 2, comes back for ever',
      ...RETRIED_POST
    },
    note: 'Leaves out named events, and tells its user nothing of the end of a stream: say gaps and failures as messages of MCP, by a function as `control`. It asks again, by GET, for the rest of an answer to a POST, until it has the result. It also asks again for a run that has failed for good, as often as its `reconnectionOptions` say.'
  },
  { client: 'eventsource-parser 3', cells: READER },
  { client: 'eventsource-parser 4', cells: READER },
  { client: 'parse-sse', cells: READER },
  {
    client: 'fetch-event-stream',
    cells: {
      ...READER,
      feed: 'all, + stream:bookmark, + stream:done, ends',
      'finite stream': 'all, + stream:done, ends',
      failure: 'first 2, + stream:error, fails',
      drain: 'first 2, + stream:bookmark, fails',
      'server away': 'first 2, + stream:bookmark, fails',
      'lost line': 'none, + stream:bookmark, fails',
      run: 'all, + stream:bookmark, + stream:done, ends',
      'run, lost line': 'first 2, + stream:bookmark, fails',
      'run, failure': 'first 2, + stream:bookmark, + stream:error, fails',
      'run, stop': 'first 2, + stream:bookmark, + stream:done, ends',
      'run, drain': 'first 2, + stream:bookmark, + stream:error, fails'
    },
    note: NAMED_EVENTS
  },
  { client: 'fetch-event-stream, `accept: */*`', cells: READER }
]
