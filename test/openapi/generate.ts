/** Clients that are generated from a document, and compiled with what uses them. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CLIENTS, needClients } from '../matrix/installed.ts'
import { NODE_VERSIONS } from '../matrix/host.ts'
import { nodeBinary } from '../versions/node-binary.ts'
import { outputOf } from '../versions/programs.ts'

const COMPILER = createRequire(import.meta.url).resolve('typescript/lib/tsc.js')

/** Writes the client that @hey-api/openapi-ts makes of a document to `client/` in a folder. Takes some seconds. */
export async function generateHeyApi (folder: string, document: object): Promise<void> {
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
  await writeFile(join(folder, 'openapi-ts.config.mjs'), `export default ${JSON.stringify({
    input: './openapi.json',
    output: { path: './client', importFileExtension: '.ts' },
    plugins: ['@hey-api/client-fetch', '@hey-api/sdk', '@hey-api/typescript']
  })}\n`)
  await generate(folder, '@hey-api/openapi-ts', 'openapi-ts', '--file', 'openapi-ts.config.mjs')
}

/** Writes the types that openapi-typescript makes of a document to `types.ts` in a folder. */
export async function generateTypes (folder: string, document: object): Promise<void> {
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document))
  await generate(folder, 'openapi-typescript', 'openapi-typescript', 'openapi.json', '--output', 'types.ts')
}

/** Runs a generator on the newest Node: it needs a newer one than this project. */
async function generate (folder: string, name: string, program: string, ...args: string[]): Promise<void> {
  needClients()
  const generator = join(CLIENTS, 'node_modules', name)
  const { bin } = JSON.parse(await readFile(join(generator, 'package.json'), 'utf8')) as { bin: Record<string, string> }
  const { folder: node } = await nodeBinary(NODE_VERSIONS[1])
  await outputOf(folder, join(node, 'node'), join(generator, bin[program] ?? program), ...args)
}

/** What TypeScript 5.9 says of a program, and of all that it imports: nothing, where it is right. */
export async function errorsOf (folder: string, file: string, text: string): Promise<string> {
  await writeFile(join(folder, file), text)
  // of what tap compiles in a folder without one, all is CommonJS
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n')
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      strict: true, noEmit: true, skipLibCheck: true, module: 'nodenext', target: 'es2023', lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'], types: ['node'], allowImportingTsExtensions: true
    },
    files: [file]
  }))
  return await new Promise((resolve) => {
    execFile(process.execPath, [COMPILER, '--project', folder, '--pretty', 'false'], { cwd: folder, env: { PATH: process.env['PATH'] } }, (_error, stdout, stderr) => resolve(`${stdout}${stderr}`))
  })
}
