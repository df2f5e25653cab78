import { chat } from './app.ts'

await chat.publish({ event: 'mesage', data: { from: 'ada', text: 'hi' } })
