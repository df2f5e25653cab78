import { app, Message } from './app.ts'

// that a bound may be undefined is no mistake
const entries = process.env.ENTRIES === undefined ? undefined : Number(process.env.ENTRIES)
app.feed('bounded', { events: { message: Message }, retain: { entries }, slowConsumers: 'skip' })
