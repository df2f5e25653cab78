/** The headers of every event stream, beside those that its handler and other plugins have set. */
import type { FastifyReply } from 'fastify'

const CONTENT_TYPE = 'text/event-stream; charset=utf-8'
/**
 * For a client that has asked for control events by this parameter, and gets them: so it knows that an end without
 * `stream:done` is none.
 */
const CONTROL_CONTENT_TYPE = `${CONTENT_TYPE}; control=events`
/**
 * Keeps proxies from compressing a stream, which would hold events back, and caches from giving one client what was
 * another's.
 */
const CACHE_CONTROL = 'no-cache, no-transform'
/** Keeps nginx from holding events back. */
const ACCEL_BUFFERING = 'no'

/** Directives that would let a cache keep what is said here, or give it unasked: `no-cache` forbids that. */
const LENIENT = new Set(['public', 'max-age', 's-maxage', 'immutable', 'stale-while-revalidate', 'stale-if-error', 'no-cache', 'no-transform'])
/** A directive, and its argument, which may be quoted and hold commas. */
const DIRECTIVE = /([^\s,=;"]+)(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,]*))?/g

/**
 * Sets the headers of an event stream. Of `cache-control` what the handler has set stays, where it is the stricter.
 * @param saysControl the client has asked for control events by the parameter of the type, and gets them
 */
export function setHead (reply: FastifyReply, saysControl = false): FastifyReply {
  const cacheControl: unknown = reply.getHeader('cache-control')
  return reply
    .header('content-type', saysControl ? CONTROL_CONTENT_TYPE : CONTENT_TYPE)
    .header('cache-control', cacheControl === undefined ? CACHE_CONTROL : stricter(String(cacheControl)))
    .header('x-accel-buffering', ACCEL_BUFFERING)
}

/**
 * Says to caches that the answer depends on `Accept`, beside what a handler or another plugin has said.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5
 */
export function varyByAccept (reply: FastifyReply): void {
  const set: unknown = reply.getHeader('vary')
  const names = set === undefined ? [] : (Array.isArray(set) ? set : [set]).flatMap((value) => String(value).split(',')).map((name) => name.trim()).filter((name) => name !== '')
  if (!names.some((name) => name === '*' || name.toLowerCase() === 'accept')) reply.header('vary', [...names, 'Accept'].join(', '))
}

/** Takes back what would say that another answer in the stream's place, such as an error, is an event stream. */
export function takeBackHead (reply: FastifyReply): void {
  if (reply.raw.headersSent) return
  const set = [['content-type', CONTENT_TYPE], ['content-type', CONTROL_CONTENT_TYPE], ['x-accel-buffering', ACCEL_BUFFERING]] as const
  for (const [name, value] of set) {
    if (reply.getHeader(name) !== value) continue
    reply.removeHeader(name)
    // Fastify may have set it there already, and older versions leave it
    reply.raw.removeHeader(name)
  }
}

/**
 * What is set already, without what is more lenient than `no-cache, no-transform`, and with these.
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2
 */
function stricter (cacheControl: string): string {
  // what is no list of directives goes out as it is: Node says what is wrong with it
  const directives = Array.from(cacheControl.matchAll(DIRECTIVE), ([whole, name = '']) => ({ whole, isKept: !LENIENT.has(name.toLowerCase()) }))
  return [...directives.filter(({ isKept }) => isKept).map(({ whole }) => whole), CACHE_CONTROL].join(', ')
}
