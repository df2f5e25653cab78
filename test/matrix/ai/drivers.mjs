/** The AI clients that run in Node, each as the README of its package says. An item is what the client hands on. */
import { HttpAgent } from '@ag-ui/client'
import { WorkflowChatTransport as WorkflowChatTransport7 } from '@ai-sdk/workflow/client'
import Anthropic from '@anthropic-ai/sdk'
import { Client } from '@langchain/langgraph-sdk'
import { ChatClient, fetchServerSentEvents } from '@tanstack/ai-client'
import { WorkflowChatTransport as WorkflowChatTransport6 } from '@workflow/ai'
import { DefaultChatTransport as DefaultChatTransport6 } from 'ai'
import { DefaultChatTransport as DefaultChatTransport7 } from 'ai7'
import OpenAI4 from 'openai4'
import OpenAI5 from 'openai5'
import OpenAI6 from 'openai6'
import OpenAI7 from 'openai7'

// some say each time that they come back
console.error = () => {}

const MESSAGES = [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }]

const chatTransport = (Transport) => async ({ url, signal, item }) => {
  const transport = new Transport({ api: url })
  const chunks = await transport.sendMessages({
    chatId: 'chat', messages: MESSAGES, abortSignal: signal, trigger: 'submit-message', messageId: undefined
  })
  for await (const chunk of chunks) item({ type: chunk.type, data: JSON.stringify(chunk) })
}

const openai = (OpenAI) => async ({ url, signal, item }) => {
  // a key and no retries: a refused request is tried again otherwise, which says nothing of streams
  const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
  const chunks = await client.chat.completions.create({
    model: 'any', messages: [{ role: 'user', content: 'Hello' }], stream: true
  }, { signal })
  for await (const chunk of chunks) item({ type: chunk?.object, data: JSON.stringify(chunk) })
}

export const drivers = {
  'ai 6': chatTransport(DefaultChatTransport6),
  'ai 7': chatTransport(DefaultChatTransport7),
  '@workflow/ai': chatTransport(WorkflowChatTransport6),
  '@ai-sdk/workflow': chatTransport(WorkflowChatTransport7),
  'openai 4': openai(OpenAI4),
  'openai 5': openai(OpenAI5),
  'openai 6': openai(OpenAI6),
  'openai 7': openai(OpenAI7),

  async '@anthropic-ai/sdk' ({ url, signal, item }) {
    const client = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 })
    const events = await client.messages.create({
      model: 'any', max_tokens: 10, messages: [{ role: 'user', content: 'Hello' }], stream: true
    }, { signal })
    for await (const event of events) item({ type: event.type, data: JSON.stringify(event) })
  },

  async '@langchain/langgraph-sdk' ({ url, signal, item }) {
    const client = new Client({ apiUrl: url, apiKey: 'none', callerOptions: { maxRetries: 0 } })
    for await (const { event, data } of client.runs.stream(null, 'agent', { input: {}, signal })) {
      item({ type: event, data: JSON.stringify(data) })
    }
  },

  async '@tanstack/ai-client' ({ url, signal, item }) {
    let failure
    const client = new ChatClient({
      connection: fetchServerSentEvents(url),
      // it makes the chunk of a failure itself, beside its error
      onChunk: (chunk) => { if (chunk.type !== 'RUN_ERROR') item({ type: chunk.type, data: JSON.stringify(chunk) }) },
      onError: (error) => { failure ??= error }
    })
    signal.addEventListener('abort', () => client.stop())
    await client.sendMessage('Hello')
    if (failure !== undefined) throw failure
  },

  async '@ag-ui/client' ({ url, signal, item }) {
    const agent = new HttpAgent({ url })
    signal.addEventListener('abort', () => agent.abortRun())
    let failure
    const onEvent = ({ event }) => {
      if (event.type === 'RUN_ERROR') failure = new Error(event.message)
      else item({ type: event.type, data: JSON.stringify(event) })
    }
    await agent.runAgent({}, { onEvent })
    if (failure !== undefined) throw failure
  }
}
