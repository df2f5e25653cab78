import { app, news } from './app.ts'

app.get('/', (_request, reply) => reply.sse(news.subscribe({ as: ({ data }) => data.title })))
