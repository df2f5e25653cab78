/** What is no boundary, and why; and which rows stand for which kind of source. */

const NEVER_THROWS = 'adds, takes away or counts listeners, and calls nobody'
const AT_REGISTRATION = 'called once, while the application is set up: what it throws refuses the application'
const TRUSTED = 'trusted: it is for tests, which move it'

/** It hurts its own room alone: whoever opens that is refused, or it is logged. */
const IN_ROOMS = 'throws, rejects, never settles and calls back in test/rooms/room.test.ts and test/rooms/model.test.ts'

/** What was looked at, and is no row of the table: the reason. */
export const REVIEWED: Readonly<Record<string, string>> = {
  'Clock.now': TRUSTED,
  'Clock.elapsed': TRUSTED,
  'Clock.after': TRUSTED,
  'EventfeedOptions.clock': TRUSTED,
  'EventStreamOptions.tag': 'held, and handed on as it is: nobody here looks into it',
  'Eventfeed.stats': 'takes no function',
  'EventLog.retain': 'read once, when the feed is defined: what is no bound refuses it',
  'EventLog.tail': `${AT_REGISTRATION}; what it rejects with fails app.ready(), and later who waits for it`,
  'TailListener.entries': 'a log calls it: what is no entry is reported, and streams read on by pages',
  'TailListener.lost': 'a log calls it: it drops what is held, and calls nobody',
  'TailListener.ended': 'a log calls it: it marks the end, and wakes streams in a later turn',
  'Tail.before': 'looked at when tail() has answered: what is no position fails the opening',
  'Tail.stop': 'not called: close and delete end the tail',
  'RoomsOptions.log': IN_ROOMS,
  'RoomsOptions.freeWhenIdleMs': 'a number, checked by test/rooms/served.test.ts',
  'RoomsOptions.maxOpen': 'a number, checked by test/rooms/served.test.ts',
  'RoomsOptions.onOpen': IN_ROOMS,
  'RoomsOptions.onIdle': IN_ROOMS,
  'SourceArguments.signal': 'ours; those who listen to it are a row',
  'SourceArguments.lastEventId': 'ours: a string',
  'SourceArguments.ready': 'ours: it commits, as the first event does',
  'Duplex.once': NEVER_THROWS,
  'EventEmitter.emit': 'of the carrier, to which only Fastify and a hook listen: see onSend',
  'EventEmitter.eventNames': NEVER_THROWS,
  'EventEmitter.listenerCount': NEVER_THROWS,
  'EventEmitter.listeners': NEVER_THROWS,
  'EventEmitter.off': NEVER_THROWS,
  'EventEmitter.on': NEVER_THROWS,
  'EventEmitter.removeAllListeners': NEVER_THROWS,
  'Http2Session.once': NEVER_THROWS,
  'Http2Stream.once': NEVER_THROWS,
  'Http2Session.close': 'does nothing where the session closes already',
  'Http2Stream.close': 'Node calls it itself; it throws only for what is no code',
  'Readable.once': NEVER_THROWS,
  'Socket.emit': 'of an injected response, whose socket only light-my-request listens to',
  'Writable.cork': 'sets a flag',
  'Writable.on': NEVER_THROWS,
  'Writable.once': NEVER_THROWS,
  'Writable.prependOnceListener': NEVER_THROWS,
  'FastifyInstance.addHook': AT_REGISTRATION,
  'FastifyInstance.decorate': AT_REGISTRATION,
  'FastifyInstance.decorateReply': AT_REGISTRATION,
  'FastifyInstance.decorateRequest': AT_REGISTRATION,
  'FastifyInstance.getSchemas': AT_REGISTRATION,
  'FastifyInstance.hasDecorator': AT_REGISTRATION,
  'FastifyInstance.hasPlugin': AT_REGISTRATION,
  'FastifyInstance.hasReplyDecorator': AT_REGISTRATION,
  'FastifyReply.compileSerializationSchema': 'of Fastify: a schema that cannot be compiled answers 500',
  'FastifyRequest.getValidationFunction': 'of Fastify: it looks up',
  'FastifyReply.getHeader': 'of Fastify: it looks up',
  'FastifyReply.getHeaders': 'of Fastify: it looks up',
  'FastifyReply.removeHeader': 'of Fastify: it takes away',
  'FastifyReply.code': 'of Fastify, with a constant',
  'FastifyReply.hijack': 'of Fastify: it sets a flag',
  'OutgoingMessage.removeHeader': 'looks up a constant name',
  'OutgoingMessage.hasHeader': 'looks up a constant name',
  'Server.close': 'called once, while it listens; its error goes to a callback that is not given',
  'Server.unref': 'sets a flag',
  'Socket.setTimeout': 'throws only for what is no length of time',
  'Socket.destroySoon': 'at the end of a response that has finished; a socket that is gone takes it',
  'Socket.resetAndDestroy': 'throws for sockets that are none of TCP: those are destroyed',
  'Stream.pipe': 'of the carrier: see onSend'
}

/** The kinds of source, as the types of `lib/` write them, and the rows that stand for each. */
export const SOURCE_KINDS: Readonly<Record<string, readonly string[]>> = {
  AsyncIterable: ['source[Symbol.asyncIterator]', 'iterator.next', 'iterator.return'],
  '(Iterable & object)': ['source[Symbol.iterator]', 'iterator.next, synchronous'],
  ReadableStreamLike: ['webStream.getReader', 'reader.read', 'reader.cancel'],
  EventsOf: ['results of iterators', 'fields of events', 'data of events'],
  SubscriptionFor: ['where', 'as'],
  FollowerFor: ['where', 'as'],
  ReadonlyArray: ['where, on a stream of several feeds'],
  'NodeJS.ReadableStream': [
    'readable[Symbol.asyncIterator]',
    'readable.destroy',
    'readable.on',
    'errors of a readable'
  ],
  Held: ['properties by which a source is known'],
  '((source: SourceArguments) => Held)': ['a function source']
}
