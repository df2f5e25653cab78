/**
 * Serializers: by default the one that Fastify has for responses, so that a schema means the same in both places.
 * What a schema does not name does not leave the server.
 */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

/** Makes the function that writes data as JSON by a schema. The same signature as Fastify's own compilers. */
export type SerializerCompiler = (route: { schema: unknown, method: string, url: string, httpStatus: string }) => (data: unknown) => string

/** What schemas are compiled with. */
export interface Compilers {
  /** The schemas that a `$ref` may name, by their `$id`. */
  readonly shared: Readonly<Record<string, unknown>>
  /** The application's own serializer compiler; `undefined` for Fastify's. */
  readonly serializer?: SerializerCompiler | undefined
  /** True: data is validated before it is serialized. */
  readonly validates: boolean
}

/** Compiles a serializer. Throws what the compiler throws, for a schema that it cannot use. */
export function compileSerializer (schema: object, { shared, serializer }: Compilers): (data: unknown) => string {
  const compile = serializer ?? (SerializerSelector()(shared) as SerializerCompiler)
  // some schema builders hang symbols and hidden properties on schemas; compilers see plain JSON
  return compile({ schema: JSON.parse(JSON.stringify(schema)), method: '', url: '', httpStatus: '200' })
}
