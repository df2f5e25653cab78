import { chat } from './app.ts'

await chat.publish({ event: 'message', data: { from: 'ada' }, key: 'ada' })
