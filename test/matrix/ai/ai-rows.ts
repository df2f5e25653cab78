/** The matrix of AI clients: what the user of each sees of each answer. `docs/clients.md` shows the same table. */
import type { AiCaseName } from './ai-cases.ts'
import { agUi, aiSdk, anthropic, langgraph, openai, workflow, type Protocol } from './protocols.ts'

/** A client, and what its user sees. */
export interface AiRow {
  readonly client: string
  readonly protocol: Protocol
  readonly cells: Readonly<Record<AiCaseName, string>>
  /** Why a cell is not what one would wish. */
  readonly note?: string
}

/** Of a client that does not come back by itself: all of an answer, or a failure. */
const ONCE: AiRow['cells'] = {
  run: 'all, ends',
  'run, failure': 'first 2, fails',
  'run, drain': 'first 2, fails',
  'run, lost line': 'first 2, fails',
  'run, stop': 'first 2, ends',
  'run, gap': 'none, fails',
  stream: 'all, ends',
  'stream, failure': 'first 2, fails',
  'stream, drain': 'first 2, fails',
  feed: 'all, ends'
}

/** Of a client that hands on whatever it gets: a gap is an item, so that nobody takes what is left for the whole. */
const SHOWS_GAP: AiRow['cells'] = { ...ONCE, 'run, gap': '3, + stream:gap, ends' }

/** Of the transports of workflows, which come back by themselves. A run that has failed is asked for three times. */
const WORKFLOW: AiRow['cells'] = {
  ...ONCE,
  'run, failure': 'first 2, resumes, fails',
  'run, lost line': 'all, resumes, ends',
  'run, stop': 'first 2, + abort, + finish, ends'
}

/** Said by `control` where a run was stopped. */
const STOPPED = { 'run, stop': 'first 2, + RUN_FINISHED, ends' } as const

const AG_UI_WORDS = '`control` says `RUN_FINISHED` for a stop, and `RUN_ERROR` for a failure.'

const COMES_BACK = 'It comes back until it sees `finish`, for ever if need be: at a stop `control` says `abort` and `finish`.'

const FAILED = 'first 2, + error, ends'

export const AI_ROWS: readonly AiRow[] = [
  { client: 'ai 6', protocol: aiSdk, cells: ONCE },
  { client: 'ai 7', protocol: aiSdk, cells: ONCE },
  { client: '@workflow/ai', protocol: workflow, cells: WORKFLOW, note: COMES_BACK },
  { client: '@ai-sdk/workflow', protocol: workflow, cells: WORKFLOW, note: COMES_BACK },
  { client: 'openai 4', protocol: openai, cells: SHOWS_GAP },
  { client: 'openai 5', protocol: openai, cells: SHOWS_GAP },
  { client: 'openai 6', protocol: openai, cells: SHOWS_GAP },
  { client: 'openai 7', protocol: openai, cells: SHOWS_GAP },
  { client: '@anthropic-ai/sdk', protocol: anthropic, cells: SHOWS_GAP },
  {
    client: '@langchain/langgraph-sdk',
    protocol: langgraph,
    cells: {
      ...SHOWS_GAP,
      'run, failure': FAILED,
      'run, drain': FAILED,
      'run, lost line': 'all, resumes, ends',
      'stream, failure': FAILED
    },
    note: '`error` is what its protocol says of a failure; `control` says it. ' +
      'Without that, the client comes back five times, and fails after 20 seconds.'
  },
  {
    client: '@tanstack/ai-client',
    protocol: agUi,
    cells: { ...SHOWS_GAP, ...STOPPED, 'run, lost line': '1 2 2 3, resumes, ends' },
    note: 'It gives the id of an event to the next one, so it sees one event twice when it comes back. ' +
      `${AG_UI_WORDS} Without these it comes back for ever.`
  },
  {
    client: '@ag-ui/client',
    protocol: agUi,
    cells: { ...ONCE, ...STOPPED },
    note: `${AG_UI_WORDS} When its line is cut it also throws, now and then, where nobody can catch it.`
  }
]
