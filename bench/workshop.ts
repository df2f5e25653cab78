/**
 * What is made before anything is measured, in a temporary folder that goes when the bench ends: the programs in C, compiled,
 * and the servers, as plain JavaScript beside a `node_modules` with what they import. So a server runs as in an application, on
 * what `npm run build` built, and no loader for TypeScript stands in the measured process.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const BENCH = fileURLToPath(new URL('.', import.meta.url))
const PROJECT = fileURLToPath(new URL('..', import.meta.url))
const COMPILERS = ['cc', 'gcc', 'clang']
const PACKAGES = ['fastify', '@fastify/sse', 'fastify-sse-v2', 'better-sse', 'eventsource-parser']
/** What is run in a process of its own, beside the servers, and what it imports. */
const CLIENTS = ['load-client.ts', 'sequence.ts', 'page-client.ts', 'page.ts', 'continuity.ts']

/** The folder, and what is in it. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'eventfeed-bench-'))
  readonly #compiler = COMPILERS.find((command) => spawnSync(command, ['--version']).status === 0)
  readonly #compiled = new Set<string>()
  /** True where there is another checkout of this package to compare with. */
  readonly hasBefore: boolean

  /** @param before the folder of another checkout, built; its servers are in the folder `before` */
  constructor (before?: string) {
    this.hasBefore = before !== undefined
    process.on('exit', () => { rmSync(this.folder, { recursive: true, force: true }) })
    this.#install(PROJECT, this.folder)
    this.#linkPackages()
    for (const path of [...CLIENTS, ...serverFiles()]) this.#transpile(path, this.folder)
    if (before === undefined) return
    // what else it imports is found in the folder above
    const folder = join(this.folder, 'before')
    this.#install(before, folder)
    for (const path of serverFiles()) this.#transpile(path, folder)
  }

  /** True where there is a C compiler. */
  get compilesC (): boolean {
    return this.#compiler !== undefined
  }

  /** The path of a file of `bench/` as JavaScript; `path` is without its end. */
  script (path: string): string {
    return join(this.folder, `${path}.js`)
  }

  /** Compiles a file of `bench/`, once; `path` is without its end. Returns the path of the program. */
  program (path: string): string {
    if (this.#compiled.has(path)) return join(this.folder, `${path}.bin`)
    const program = join(this.folder, `${path}.bin`)
    const { status, stderr, error } = spawnSync(this.#compiler ?? 'cc', ['-O2', '-o', program, join(BENCH, `${path}.c`)], { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${path}.c was not compiled:\n${error?.message ?? stderr}`)
    this.#compiled.add(path)
    return program
  }

  /** A copy of a checkout of this package: what is measured stays the same though somebody builds again meanwhile. */
  #install (checkout: string, folder: string): void {
    const ours = join(folder, 'node_modules/fastify-eventfeed')
    const built = join(checkout, 'dist')
    if (!existsSync(join(built, 'index.js'))) throw new Error(`${built} is missing: "npm run build" makes it`)
    cpSync(built, join(ours, 'dist'), { recursive: true })
    cpSync(join(checkout, 'package.json'), join(ours, 'package.json'))
  }

  #linkPackages (): void {
    const { dependencies } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
    for (const name of new Set([...PACKAGES, ...Object.keys(dependencies)])) {
      const link = join(this.folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(PROJECT, 'node_modules', name), link)
    }
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }')
  }

  #transpile (path: string, folder: string): void {
    const { outputText } = ts.transpileModule(readFileSync(join(BENCH, path), 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true, rewriteRelativeImportExtensions: true }
    })
    const output = join(folder, path.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(output), { recursive: true })
    writeFileSync(output, outputText)
  }
}

function serverFiles (): string[] {
  return readdirSync(join(BENCH, 'servers'), { encoding: 'utf8', recursive: true }).filter((name) => name.endsWith('.ts')).map((name) => join('servers', name))
}
