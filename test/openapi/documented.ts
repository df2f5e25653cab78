/** Applications with a document of their routes, for tests. */
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import eventfeed, { openapi } from '../../lib/index.ts'

/** The versions of OpenAPI 3. */
export const VERSIONS = ['3.0.3', '3.1.0', '3.2.0'] as const

/** A part of a document, as far as tests look at it: what is not there is an empty part. */
export type Part = { readonly [name: string]: Part }

/** An application whose routes are typed by TypeBox. It closes when the test ends. */
export function typed (t: Test) {
  const app = Fastify({ forceCloseConnections: true }).withTypeProvider<TypeBoxTypeProvider>()
  t.teardown(() => app.close())
  return app
}

export type TypedApp = ReturnType<typeof typed>

/** The same, with this plugin, and with a document of its routes in that version. */
export async function documented (t: Test, version: string, options: FastifyDynamicSwaggerOptions = {}): Promise<TypedApp> {
  const app = typed(t)
  await app.register(eventfeed)
  await app.register(swagger, { openapi: { openapi: version, info: { title: 'a test', version: '1' } }, ...openapi(), ...options })
  return app
}

/** The document of an application, as a client gets it: by way of JSON. */
export async function documentOf (app: FastifyInstance): Promise<Part> {
  await app.ready()
  return JSON.parse(JSON.stringify(app.swagger()))
}

/** What stands at a path of names in a document; `undefined` for nothing. */
export function at (part: Part, ...names: string[]): unknown {
  return names.reduce<Part | undefined>((inner, name) => inner?.[name], part)
}
