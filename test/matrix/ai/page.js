/**
 * A chat in a page, by code of the guide. The address says which chat: `?chat=…`. What the hook says stands in
 * attributes, where a test reads it.
 */
import { createElement } from 'react'
import { createRoot } from 'react-dom/client'

/** Shows a chat. `useGuide` is the code of the guide: it gives what the page shows of a chat, by its id. */
export function show (useGuide) {
  const chatId = new URLSearchParams(window.location.search).get('chat')
  createRoot(document.getElementById('root')).render(createElement(Chat, { useGuide, chatId }))
}

function Chat ({ useGuide, chatId }) {
  const { messages, sendMessage, status, error, stop } = useGuide(chatId)
  const answers = messages.filter(({ role }) => role === 'assistant').map(({ parts }) => textOf(parts))
  const shown = { 'data-status': status, 'data-answers': answers.join('|'), 'data-error': error?.message }
  return createElement('main', shown,
    createElement('button', { id: 'ask', onClick: () => sendMessage({ text: 'Tell me a story.' }) }, 'Ask'),
    createElement('button', { id: 'stop', onClick: stop }, 'Stop'))
}

const textOf = (parts) => parts.map(({ type, text }) => type === 'text' ? text : '').join('')
