/** Two validators of OpenAPI documents that know version 3.2, made by different people. Neither needs a network. */
import '@hyperjump/json-schema/openapi-3-0'
import '@hyperjump/json-schema/openapi-3-1'
import { validate } from '@hyperjump/json-schema/openapi-3-2'
import { createConfig, lintFromString } from '@redocly/openapi-core'

/** Rules that say what is wrong with a document, none that says what is good style. */
const config = await createConfig({
  rules: {
    struct: 'error',
    'no-unresolved-refs': 'error',
    'operation-operationId-unique': 'error',
    'operation-parameters-unique': 'error',
    'path-parameters-defined': 'error',
    'no-identical-paths': 'error'
  }
})

/** The schemas of documents, with those of the schemas in them where these have a dialect of their own. */
const SCHEMAS = new Map([
  ['3.0', 'https://spec.openapis.org/oas/3.0/schema'],
  ['3.1', 'https://spec.openapis.org/oas/3.1/schema-base'],
  ['3.2', 'https://spec.openapis.org/oas/3.2/schema-base']
])

/** What the validators refuse in a document: nothing, where both accept it. */
export async function refusalsOf (document: object): Promise<{ redocly: string[], hyperjump: string[] }> {
  const source = JSON.stringify(document)
  const problems = await lintFromString({ source, absoluteRef: 'openapi.json', config })
  const { openapi } = JSON.parse(source) as { openapi: string }
  const output = await validate(SCHEMAS.get(openapi.slice(0, 3)) ?? openapi, JSON.parse(source), 'BASIC')
  return {
    redocly: problems.map(({ message, location: [first] }) => `${first?.pointer ?? ''} ${message}`),
    hyperjump: output.valid ? [] : (output.errors ?? []).map(({ instanceLocation, keyword }) => `${instanceLocation} ${keyword}`)
  }
}
