/**
 * A chat in a page, with the hook of the AI SDK as it comes. The address says which chat: `?chat=…`. What the hook
 * says stands in the page, where a test reads it.
 */
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { useChat } from '@ai-sdk/react'
import { DefaultChatTransport } from 'ai7'

const chat = new URLSearchParams(window.location.search).get('chat')
const transport = new DefaultChatTransport()

function Chat () {
  const { messages, sendMessage, stop, status, error } = useChat({ id: chat, resume: true, transport })
  const answers = messages.filter(({ role }) => role === 'assistant').map(({ parts }) => textOf(parts))
  const ask = () => sendMessage({ text: 'Tell me a story.' })
  const end = async () => {
    await fetch(`/api/chat/${chat}`, { method: 'DELETE' })
    await stop()
  }
  return createElement('main', { 'data-status': status, 'data-answers': answers.join('|'), 'data-error': error?.message },
    createElement('button', { id: 'ask', onClick: ask }, 'Ask'),
    createElement('button', { id: 'stop', onClick: end }, 'Stop'))
}

const textOf = (parts) => parts.map(({ type, text }) => type === 'text' ? text : '').join('')

createRoot(document.getElementById('root')).render(createElement(Chat))
