/**
 * What AI clients speak: the words of each protocol for three events, for a stop and for a failure, and where its
 * client asks for them.
 */
import type { EventStreamOptions, ServerSentEvent } from '../../../lib/index.ts'
import type { Item } from '../session.ts'

/** How many events there are. The first begins an answer, the last ends it. */
export const EVENTS = 3

/** Stands in what is said of a stop. */
const STOPPED = 'stopped by the user'

/** A protocol. */
export interface Protocol {
  /** What its client adds to the address that it is given. */
  readonly suffix: string
  /** Options of its streams. */
  readonly stream: EventStreamOptions
  /** An event by its number, from 1. */
  event (number: number): ServerSentEvent
  /** Which event an item is; `undefined` for an item that is none. */
  numberOf (item: Item): number | undefined
}

/** By the type of an item, where each event has one of its own. What the words of a stop say is no event. */
const byType = (...types: string[]) => ({ type, data }: Item) => {
  return data.includes(STOPPED) ? undefined : types.indexOf(type) + 1 || undefined
}

/** By the first number that stands in the data of an item. */
const byText = (pattern: RegExp) => ({ data }: Item) => pattern.exec(data)?.slice(1).map(Number)[0]

/** Chunks of the AI SDK: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol */
const chunks = (number: number): ServerSentEvent => ({
  data: [{ type: 'start', messageId: 'm2' }, { type: 'data-middle', data: 'x' }, { type: 'finish' }][number - 1]
})
const chunkOf = byType('start', 'data-middle', 'finish')

export const aiSdk: Protocol = { suffix: '', stream: { done: '[DONE]' }, event: chunks, numberOf: chunkOf }

/** The same, for a client that comes back for ever where it has seen no `finish`. */
export const workflow: Protocol = {
  ...aiSdk,
  stream: {
    done: '[DONE]',
    control: (control) => {
      if (control.type !== 'done' || control.reason === undefined) return undefined
      return [{ data: { type: 'abort', reason: control.reason } }, { data: { type: 'finish', messageMetadata: STOPPED } }]
    }
  }
}

export const openai: Protocol = {
  suffix: '/chat/completions',
  stream: { done: '[DONE]' },
  event: (number) => {
    const choice = { index: 0, delta: { content: `<${number}>` } }
    return { data: { id: 'c', object: 'chat.completion.chunk', choices: [choice] } }
  },
  numberOf: byText(/"content":"<(\d)>"/)
}

/** Its events are named, and it knows no `[DONE]`. */
export const anthropic: Protocol = {
  suffix: '/v1/messages',
  stream: {},
  event: (number) => {
    const type = ['message_start', 'content_block_delta', 'message_stop'][number - 1]
    return { event: type, data: { type } }
  },
  numberOf: byType('message_start', 'content_block_delta', 'message_stop')
}

/** It has an event for failures. Without that its client comes back to a failed run five times, for 20 seconds. */
export const langgraph: Protocol = {
  suffix: '/runs/stream',
  stream: {
    control: (control) => control.type === 'error' && control.code !== undefined
      ? { event: 'error', data: { error: control.code, message: 'It has failed.' } }
      : undefined
  },
  event: (number) => ({ event: 'values', data: { n: number } }),
  numberOf: ({ type, data }) => type === 'values' ? byText(/^\{"n":(\d)\}$/)({ type, data }) : undefined
}

const RUN = { threadId: 't1', runId: 'r1' }

/** AG-UI, which TanStack speaks too: https://docs.ag-ui.com/concepts/events. `[DONE]` is no JSON, and is refused. */
export const agUi: Protocol = {
  suffix: '',
  stream: {
    control: (control) => {
      if (control.type === 'done' && control.reason !== undefined) {
        return { data: { type: 'RUN_FINISHED', ...RUN, result: STOPPED } }
      }
      if (control.type === 'error' && control.code !== undefined) {
        return { data: { type: 'RUN_ERROR', message: 'It has failed.', code: control.code } }
      }
      return undefined
    }
  },
  event: (number) => ({
    data: [{ type: 'RUN_STARTED', ...RUN }, { type: 'CUSTOM', name: 'middle', value: 'x' }, { type: 'RUN_FINISHED', ...RUN }][number - 1]
  }),
  numberOf: byType('RUN_STARTED', 'CUSTOM', 'RUN_FINISHED')
}
