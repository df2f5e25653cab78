/** The application in which the mistakes are made. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import eventfeed from 'fastify-eventfeed'
import { Type } from 'typebox'

export const Message = Type.Object({ from: Type.String(), text: Type.String() })
export const Joined = Type.Object({ who: Type.String() })

export const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()
await app.register(eventfeed)
export const chat = app.feed('chat', { events: { message: Message, joined: Joined } })
export const news = app.feed('news', { events: { headline: Type.Object({ title: Type.String() }) } })
