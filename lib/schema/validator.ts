/**
 * Validators, for `validateEvents`: Fastify's own, but strict. They change nothing, because what a server sends is
 * not to be coerced into what it should have been.
 */
import { createRequire } from 'node:module'
import type { ErrorObject, AjvCompiler as Build } from '@fastify/ajv-compiler'
import type { Compilers } from './serializer.ts'

const { AjvCompiler } = createRequire(import.meta.url)('@fastify/ajv-compiler') as { AjvCompiler: typeof Build }

/** Says what is wrong with data, as `/path must be …`; `undefined` where nothing is. */
export type Validate = (data: unknown) => string | undefined

/** Compiles a validator. Throws what the compiler throws, for a schema that it cannot use. */
export function compileValidator (schema: object, { shared }: Compilers): Validate {
  const customOptions = { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } as const
  const validate = AjvCompiler()(shared as Record<string, object>, { customOptions })(
    // the compiler is Fastify's, which also wants to know of which part of which route
    { schema: JSON.parse(JSON.stringify(schema)) } as never)
  return (data) => {
    if (validate(data) === true) return undefined
    const [first] = (validate as { errors?: ErrorObject[] | null }).errors ?? []
    return first === undefined ? 'is not valid' : `${first.instancePath} ${first.message ?? 'is not valid'}`.trim()
  }
}
