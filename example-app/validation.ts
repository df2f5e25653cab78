/**
 * How requests are validated. A query is text, so `true` and `5` in it are converted as the schema says. A JSON body
 * has its own types, which are not converted: `{ "text": 5 }` is refused, where Fastify's default would turn it into
 * the text "5".
 */
import { AjvCompiler } from '@fastify/ajv-compiler'
import type { FastifySchemaCompiler } from 'fastify'

const compiler = AjvCompiler()
const converting = compiler({}, { customOptions: { coerceTypes: true } })
const exact = compiler({}, { customOptions: { coerceTypes: false } })

/** For `app.setValidatorCompiler()`. */
export const validatorCompiler: FastifySchemaCompiler<unknown> = (route) => route.httpPart === 'body' ? exact(route) : converting(route)
