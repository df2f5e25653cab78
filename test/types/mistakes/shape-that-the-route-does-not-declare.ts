import { Type } from 'typebox'
import { app, news } from './app.ts'

const Short = Type.Object({ title: Type.String(), length: Type.Number() })
app.get('/', { schema: { events: { short: Short } } }, (_request, reply) => {
  return reply.sse(news.subscribe({ as: ({ data }) => ({ event: 'short', data: { title: data.title } }) }))
})
