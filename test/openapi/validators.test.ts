/** Documents of streams are valid OpenAPI: by two validators, which refuse documents that are broken. */
import t from 'tap'
import { Type, type TSchema } from 'typebox'
import { openApp } from '../example-app/app.ts'
import { documented, documentOf, VERSIONS, type Part } from './documented.ts'
import { refusalsOf } from './validators.ts'

const ACCEPTED = { redocly: [], hyperjump: [] }

t.test('both validators accept the documents of the example app', async (t) => {
  const app = await openApp(t)
  for (const url of ['/docs/json', '/docs/json/3.1']) {
    t.strictSame(await refusalsOf((await app.inject(url)).json()), ACCEPTED, url)
  }
})

/** Declared events that are unusual, and what is said of them. */
const Named = Type.Object({ name: Type.String() }, { $id: 'Named' })
const UNUSUAL: ReadonlyArray<readonly [what: string, events: Record<string, TSchema>]> = [
  ['none', {}],
  ['odd names', { 'a b': Type.Number(), 'ünï/~cödé': Type.Number(), $ref: Type.Number(), __proto: Type.Number(), constructor: Type.Number(), 0: Type.Number(), '': Type.Number() }],
  ['no data', { nothing: Type.Null() }],
  ['no schema', { anything: Type.Unknown(), any: Type.Any() }],
  ['text, and what may be text', { message: Type.String(), mixed: Type.Union([Type.String(), Type.Number()]) }],
  ['a union', { message: Type.Union([Type.Object({ kind: Type.Literal('a') }), Type.Object({ kind: Type.Literal('b') })]) }],
  ['what may be null', { message: Type.Union([Type.Object({ a: Type.Number() }), Type.Null()]) }],
  ['arrays', { message: Type.Array(Type.Array(Type.Number())) }],
  ['tuples', { message: Type.Tuple([Type.String(), Type.Number()]), list: Type.Array(Type.Tuple([Type.Null()])) }],
  ['a shared schema', { message: Type.Ref('shared') }],
  ['a recursive schema', { message: Type.Cyclic({ Node: Type.Object({ inner: Type.Array(Type.Ref('Node')) }) }, 'Node') }],
  ['another recursive schema of the same name', { message: Type.Cyclic({ Node: Type.Object({ deeper: Type.Array(Type.Ref('Node')) }) }, 'Node') }],
  ['a schema that refers to itself', { message: Type.Object({ inner: Type.Array(Type.Unsafe({ $ref: '#' })) }) }],
  ['a schema that refers to a part of itself', { message: Type.Object({ one: Type.Object({ a: Type.Number() }), other: Type.Unsafe({ $ref: '#/properties/one' }) }) }],
  ['a schema with an $id, twice', { message: Named, other: Type.Object({ inner: Named }) }],
  ['another schema with the same $id', { message: Type.Object({ title: Type.Number() }, { $id: 'Named' }) }]
]

for (const version of VERSIONS) {
  t.test(`both validators accept documents of OpenAPI ${version} with unusual events`, async (t) => {
    const app = await documented(t, version, { exposeHeadRoutes: true })
    app.addSchema({ $id: 'shared', type: 'object', properties: { a: { type: 'number' } } })
    for (const [index, [, events]] of UNUSUAL.entries()) app.get(`/${index}`, { schema: { events } }, (_request, reply) => reply.sse([]))
    t.strictSame(await refusalsOf(await documentOf(app)), ACCEPTED)
  })
}

/** Breaks the documented stream: `media` is its media type object, `member` one of its event types. */
type Break = (parts: { media: Loose, member: Loose, data: Loose, response: Loose, responses: Loose }) => void
interface Loose { [name: string]: Loose | unknown }

const BROKEN: ReadonlyArray<readonly [what: string, change: Break]> = [
  ['a keyword that is none', ({ media }) => { media['itemsSchema'] = media['itemSchema']; delete media['itemSchema'] }],
  ['a union without members', ({ media }) => { media['itemSchema'] = { oneOf: [] } }],
  ['an item schema that is a list', ({ media }) => { media['itemSchema'] = [media['itemSchema']] }],
  ['a type that is none', ({ member }) => { member['type'] = 'event' }],
  ['required fields that are no list', ({ member }) => { member['required'] = 'data' }],
  ['a reference to nothing', ({ data }) => { data['contentSchema'] = { $ref: '#/components/schemas/nobody' } }],
  ['a media type that is no text', ({ data }) => { data['contentMediaType'] = 7 }],
  ['a content schema with a bound that is no number', ({ data }) => { data['contentSchema'] = { type: 'number', minimum: 'one' } }],
  ['the response that carries the schemas', ({ responses }) => { responses['X-EVENT-STREAM'] = { description: 'left behind' } }],
  ['a status that is none', ({ responses, response }) => { responses['2000'] = response }],
  ['content that is a schema', ({ response }) => { response['content'] = { type: 'object' } }],
  ['a description that is no text', ({ response }) => { response['description'] = ['a stream'] }]
]

t.test('each document that is broken is refused by at least one validator', async (t) => {
  const app = await documented(t, '3.2.0')
  app.get('/', { schema: { events: { message: Type.Object({ text: Type.String() }) } } }, (_request, reply) => reply.sse([]))
  const document = await documentOf(app)
  t.strictSame(await refusalsOf(document), ACCEPTED, 'as it is, it is right')
  t.ok(BROKEN.length >= 10)
  for (const [what, change] of BROKEN) {
    const broken: Part = structuredClone(document)
    const { paths: { '/': { get: { responses } } } } = broken as unknown as { paths: { '/': { get: { responses: Loose } } } }
    const response = responses['200'] as { content: { 'text/event-stream': { itemSchema: { oneOf: [{ properties: { data: Loose } }] } } } }
    const media = response.content['text/event-stream']
    const [member] = media.itemSchema.oneOf
    change({ media, member, data: member.properties.data, response, responses } as unknown as Parameters<Break>[0])
    const { redocly, hyperjump } = await refusalsOf(broken)
    t.ok(redocly.length + hyperjump.length > 0, `${what}: redocly ${redocly.length}, hyperjump ${hyperjump.length}`)
  }
})
