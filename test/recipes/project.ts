/**
 * The recipes as a user has them: in a strict TypeScript project of their own, beside the packed package, compiled to
 * JavaScript.
 */
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import type * as Sqlite from '../../lib/sqlite/index.ts'
import { packAndInstall, run } from '../package/packed.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** What the recipes need besides the peers. */
const NEEDED = [
  '@fastify/compress', '@fastify/cookie', '@fastify/cors', '@fastify/type-provider-typebox', 'fastify-plugin'
]

const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  skipLibCheck: false
}

/** TypeScript 5.9, and the newest. */
export const COMPILERS = ['typescript', 'typescript-newest'] as const

/** The project, before it is compiled. */
export interface Project {
  /** The folder of the recipes, and after `compile` of what is made of them. */
  readonly folder: string
  /** Type-checks the recipes, and makes JavaScript of them. Fails with what the compiler says. */
  compile (compiler: typeof COMPILERS[number]): Promise<void>
  /** Loads a recipe that was compiled. */
  load<Recipe> (name: string): Promise<Recipe>
  /** The packed package's logs on disk. */
  sqlite (): Promise<typeof Sqlite>
}

/** Packs the package, and installs it beside the recipes. */
export async function makeProject (t: Test): Promise<Project> {
  const { folder } = await packAndInstall(t, NEEDED)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'recipes', private: true, type: 'module' }))
  await cp(join(root, 'example-app/recipes'), join(folder, 'recipes'), { recursive: true })
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      ...STRICT, target: 'es2023', module: 'nodenext', types: ['node'], rewriteRelativeImportExtensions: true
    },
    include: ['recipes']
  }))
  const load = async (path: string) => await import(pathToFileURL(join(folder, path)).href)
  return {
    folder: join(folder, 'recipes'),
    async compile (compiler) {
      await run(folder, process.execPath, join(root, 'node_modules', compiler, 'lib/tsc.js'), '-p', '.')
    },
    sqlite: async () => await load('node_modules/fastify-eventfeed/dist/sqlite/index.js'),
    load: async (name) => await load(join('recipes', name))
  }
}
