import { chat } from './app.ts'

chat.subscribe({ initial: async () => [{ event: 'message', data: { from: 'ada' } }] })
