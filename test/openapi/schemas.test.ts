/** Schemas that are hard to move into a document: shared, recursive, of one name, and those of other libraries. */
import t, { type Test } from 'tap'
import { Type, type TSchema } from 'typebox'
import { PortableSchemas } from '../../lib/schema/portable-schemas.ts'
import { at, documented, documentOf, VERSIONS, type Part } from './documented.ts'

type Streams = Record<string, Record<string, TSchema>>

/** The document of routes with these events, by path. */
async function documentWith (t: Test, version: string, streams: Streams, shared: object[] = []): Promise<Part> {
  const app = await documented(t, version, { refResolver: { buildLocalReference: ({ $id }, _base, _fragment, number) => typeof $id === 'string' ? $id : `unnamed-${number}` } })
  for (const schema of shared) app.addSchema(schema)
  for (const [path, events] of Object.entries(streams)) app.get(path, { schema: { events } }, (_request, reply) => reply.sse([]))
  return await documentOf(app)
}

/** The schema of the data of a route's stream, in OpenAPI 3.0 and 3.1. */
const dataOf = (document: Part, path: string): unknown => at(document, 'paths', path, 'get', 'responses', '200', 'content', 'text/event-stream', 'schema')

for (const version of VERSIONS.slice(0, 2)) {
  t.test(`OpenAPI ${version}: shared schemas stay references, alone and in parts`, async (t) => {
    const shared = { $id: 'Price', type: 'object', properties: { symbol: { type: 'string' } } }
    const document = await documentWith(t, version, {
      '/alone': { price: Type.Ref('Price') },
      '/list': { prices: Type.Array(Type.Ref('Price')) },
      '/part': { symbol: Type.Ref('Price#/properties/symbol') }
    }, [shared])
    t.strictSame(dataOf(document, '/alone'), { $ref: '#/components/schemas/Price' })
    t.strictSame(dataOf(document, '/list'), { type: 'array', items: { $ref: '#/components/schemas/Price' } })
    t.strictSame(dataOf(document, '/part'), { $ref: '#/components/schemas/Price/properties/symbol' })
    t.match(at(document, 'components', 'schemas', 'Price'), { properties: { symbol: { type: 'string' } } })
  })

  t.test(`OpenAPI ${version}: recursive schemas refer to themselves, in each way of writing them`, async (t) => {
    const document = await documentWith(t, version, {
      '/cyclic': { tree: Type.Cyclic({ Tree: Type.Object({ inner: Type.Array(Type.Ref('Tree')) }) }, 'Tree') },
      '/root': { folder: Type.Object({ folders: Type.Array(Type.Unsafe({ $ref: '#' })) }) },
      '/definitions': { list: Type.Unsafe({ $ref: '#/definitions/item', definitions: { item: { type: 'object', properties: { next: { $ref: '#/definitions/item' } } } } }) }
    })
    const schemas = document['components']?.['schemas'] ?? {}
    t.strictSame(dataOf(document, '/cyclic'), { $ref: '#/components/schemas/Tree' })
    t.match(schemas['Tree'], { properties: { inner: { items: { $ref: '#/components/schemas/Tree' } } } })

    const { $ref: root = '' } = dataOf(document, '/root') as { $ref?: string }
    const folder = schemas[root.replace('#/components/schemas/', '')]
    t.match(folder, { title: 'folder', properties: { folders: { items: { $ref: root } } } })

    const { $ref: list = '' } = dataOf(document, '/definitions') as { $ref?: string }
    const item = follow(document, follow(document, { $ref: list }))
    t.match(item, { type: 'object', properties: { next: { $ref: String } } })
    t.strictSame(follow(document, at(item as Part, 'properties', 'next')), item)
  })

  t.test(`OpenAPI ${version}: one schema with an $id is one schema of the document, wherever it stands`, async (t) => {
    const Named = Type.Object({ name: Type.String() }, { $id: 'Named' })
    const document = await documentWith(t, version, {
      '/one': { message: Named, other: Type.Object({ inner: Named }) },
      '/two': { message: Type.Union([Named, Type.Number()]) }
    })
    t.match(dataOf(document, '/one'), { anyOf: [{ $ref: '#/components/schemas/Named' }, { properties: { inner: { $ref: '#/components/schemas/Named' } } }] })
    t.match(dataOf(document, '/two'), { anyOf: [{ $ref: '#/components/schemas/Named' }, { type: 'number' }] })
    t.strictSame(Object.keys(document['components']?.['schemas'] ?? {}), ['Named'])
  })

  t.test(`OpenAPI ${version}: two schemas with the same $id are two schemas of the document`, async (t) => {
    const node = (child: string): TSchema => Type.Cyclic({ Node: Type.Object({ [child]: Type.Array(Type.Ref('Node')) }) }, 'Node')
    const document = await documentWith(t, version, { '/one': { node: node('left') }, '/two': { node: node('right') } })
    t.match(follow(document, dataOf(document, '/one')), { properties: { left: { items: { $ref: '#/components/schemas/Node' } } } })
    t.match(follow(document, dataOf(document, '/two')), { properties: { right: { items: { $ref: '#/components/schemas/Node-2' } } } })
  })
}

t.test('a schema of another library is documented as any value, because nobody here can read it', async (t) => {
  // as Zod and Valibot say what they are: https://standardschema.dev
  const foreign = Object.assign(Object.create({ parse () {} }), { type: 'object', '~standard': { version: 1, vendor: 'zod', validate () {} } })
  const app = await documented(t, '3.1.0')
  app.get('/', { schema: { events: { message: foreign } }, serializerCompiler: () => (data) => JSON.stringify(data) }, (_request, reply) => reply.sse([]))
  t.strictSame(dataOf(await documentOf(app), '/'), {})
})

t.test('a portable schema has no reference that means another thing elsewhere, and is a copy', async (t) => {
  const schemas = new PortableSchemas()
  const schema = { type: 'object', properties: { $ref: { type: 'string' }, self: { $ref: '#' }, other: { $ref: 'shared#/a' } }, default: { $ref: '#' } }
  const before = structuredClone(schema)
  t.strictSame(schemas.of(schema, 'name', '3.1.0'), {
    title: 'name', type: 'object', properties: { $ref: { type: 'string' }, self: { $ref: 'event-data#' }, other: { $ref: 'shared#/a' } }, default: { $ref: '#' }, $id: 'event-data'
  })
  t.strictSame(schema, before)
  t.match(schemas.of(schema, 'name', '3.1.0'), { $id: 'event-data' }, 'the same again')
  t.match(schemas.of({ ...schema, title: 'another' }, 'name', '3.1.0'), { $id: 'event-data-2', properties: { self: { $ref: 'event-data-2#' } } })
  t.strictSame(schemas.of({ type: 'string', enum: [{ $ref: '#' }] }, 'name', '3.1.0'), { type: 'string', enum: [{ $ref: '#' }] }, 'a value is no schema')
  t.match(
    new PortableSchemas().of({ properties: { default: { $ref: '#' }, $id: { type: 'string' }, properties: { properties: { enum: { $ref: '#' } } } } }, 'name', '3.1.0'),
    { properties: { default: { $ref: 'event-data#' }, $id: { type: 'string' }, properties: { properties: { enum: { $ref: 'event-data#' } } } } },
    'a property may have the name of a keyword'
  )
  t.strictSame(schemas.of({ $id: 'own', items: { $ref: '#' } }, 'name', '3.1.0'), { $id: 'own', items: { $ref: 'own#' } })
  t.strictSame(schemas.of({ $id: 'own', properties: { a: { $ref: 'own#/b' } } }, 'name', '3.1.0'), { $id: 'own-2', properties: { a: { $ref: 'own-2#/b' } } })
})

t.test('a tuple is written as its version of OpenAPI has it', async (t) => {
  const Pair = Type.Tuple([Type.String(), Type.Number()])
  const open = { type: 'array', items: [{ type: 'string' }], additionalItems: { type: 'number' } }
  const schemas = new PortableSchemas()
  const members = [{ type: 'string' }, { type: 'number' }]
  t.strictSame(schemas.of(Pair, 'name', '3.2.0'), { type: 'array', minItems: 2, prefixItems: members, items: false })
  t.strictSame(schemas.of(Pair, 'name', '3.0.3'), { type: 'array', minItems: 2, items: { anyOf: members }, maxItems: 2 })
  t.strictSame(schemas.of(open, 'name', '3.1.0'), { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'number' } })
  t.strictSame(schemas.of(open, 'name', '3.0.3'), { type: 'array', items: { anyOf: members } })
  t.strictSame(schemas.of({ items: [{ type: 'string' }] }, 'name', '3.0.3'), { items: {} }, 'what follows may be anything')
  t.strictSame(schemas.of({ default: { items: [1] } }, 'name', '3.1.0'), { default: { items: [1] } }, 'a value is no schema')
})

t.test('a schema that contains itself, or that JSON cannot say, allows everything', async (t) => {
  const circle: Record<string, unknown> = { type: 'object' }
  circle['properties'] = { circle }
  for (const schema of [circle, { toJSON: () => undefined }, { toJSON: () => [] }]) t.strictSame(new PortableSchemas().of(schema, 'name', '3.1.0'), {})
})

/** What a `$ref` leads to. */
function follow (document: Part, part: unknown): unknown {
  const { $ref: ref = '' } = part as { $ref?: string }
  return at(document, ...ref.split('/').slice(1))
}
