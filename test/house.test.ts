/**
 * The house: which file may import which. The table below is that of the design; this test keeps it true for every file in
 * `lib/`, imports of types included.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import t from 'tap'
import ts from 'typescript'

const SLAB = ['errors', 'defaults', 'clock', 'roster', 'few', 'abort', 'guarded', 'own-context', 'thenable', 'indexed-ring']
const FLOORS_0_TO_1 = ['wire', 'deadlines', ...SLAB]
const FLOORS_0_TO_2 = ['stream', 'log', 'schema', ...FLOORS_0_TO_1]
const FLOORS_0_TO_4 = ['subscription', 'feed', ...FLOORS_0_TO_2]
const FLOORS_0_TO_5 = ['runs', 'rooms', ...FLOORS_0_TO_4]

/** The modules of Node that reach a network. */
const HTTP = ['node:http', 'node:https', 'node:http2', 'node:net', 'node:tls', 'node:dgram']
const EVERY_MODULE = builtinModules.map((name) => `node:${name}`)
const NO_HTTP = EVERY_MODULE.filter((name) => !HTTP.includes(name))

interface Room {
  readonly floor: number | 'wing'
  /** A folder of `lib/`, or a file of it without its end. */
  readonly room: string
  /** The other rooms that it may import. Its own files it always may. */
  readonly mayImport: readonly string[]
  /** The packages that it may import. */
  readonly packages: readonly string[]
  /** The modules of Node that it may import. */
  readonly node: readonly string[]
}

const HOUSE: readonly Room[] = [
  { floor: 7, room: 'index', mayImport: ['plugin', ...FLOORS_0_TO_5], packages: ['fastify', 'fastify-plugin', 'typebox'], node: EVERY_MODULE },
  { floor: 6, room: 'plugin', mayImport: FLOORS_0_TO_5, packages: ['fastify', 'fastify-plugin', 'negotiator', 'typebox'], node: EVERY_MODULE },
  { floor: 5, room: 'runs', mayImport: FLOORS_0_TO_4, packages: [], node: NO_HTTP },
  { floor: 5, room: 'rooms', mayImport: FLOORS_0_TO_4, packages: [], node: NO_HTTP },
  { floor: 4, room: 'subscription', mayImport: ['feed', 'log', 'schema', ...FLOORS_0_TO_1], packages: [], node: NO_HTTP },
  { floor: 3, room: 'feed', mayImport: ['log', 'schema', ...FLOORS_0_TO_1], packages: ['typebox'], node: NO_HTTP },
  { floor: 2, room: 'stream', mayImport: FLOORS_0_TO_1, packages: [], node: EVERY_MODULE },
  { floor: 2, room: 'log', mayImport: FLOORS_0_TO_1, packages: [], node: NO_HTTP },
  { floor: 2, room: 'schema', mayImport: FLOORS_0_TO_1, packages: ['typebox', '@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler'], node: NO_HTTP },
  { floor: 1, room: 'wire', mayImport: SLAB, packages: [], node: [] },
  { floor: 1, room: 'deadlines', mayImport: ['clock', 'guarded'], packages: [], node: [] },
  { floor: 0, room: 'errors', mayImport: [], packages: ['@fastify/error'], node: [] },
  { floor: 0, room: 'defaults', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'clock', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'roster', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'few', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'indexed-ring', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'own-context', mayImport: [], packages: [], node: ['node:async_hooks'] },
  { floor: 0, room: 'thenable', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'abort', mayImport: [], packages: [], node: [] },
  { floor: 0, room: 'guarded', mayImport: [], packages: [], node: [] },
  { floor: 'wing', room: 'client', mayImport: ['schema', 'wire'], packages: ['eventsource-parser'], node: [] },
  { floor: 'wing', room: 'testing', mayImport: FLOORS_0_TO_2, packages: ['fastify'], node: EVERY_MODULE },
  { floor: 'wing', room: 'redis', mayImport: FLOORS_0_TO_2, packages: [], node: EVERY_MODULE },
  { floor: 'wing', room: 'sqlite', mayImport: FLOORS_0_TO_2, packages: ['better-sqlite3'], node: NO_HTTP },
  { floor: 'wing', room: 'metrics', mayImport: FLOORS_0_TO_2, packages: ['fastify', 'fastify-plugin', 'prom-client'], node: EVERY_MODULE },
  { floor: 'wing', room: 'cli', mayImport: FLOORS_0_TO_2, packages: [], node: EVERY_MODULE }
]

/** A longer file has a second concept in it. */
const MOST_LINES = 300

interface SourceFile {
  /** Its path in `lib/`. */
  readonly path: string
  readonly text: string
}

const LIB = new URL('../lib/', import.meta.url)

const files: SourceFile[] = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(new URL(path, LIB), 'utf8') }))

/** The room of a path in `lib/`: its first folder, or the file itself. */
function roomOf (path: string): string {
  return path.split('/')[0]?.replace(/\.ts$/, '') ?? ''
}

/** All nodes of a file's syntax tree. */
function nodesOf ({ path, text }: SourceFile): ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest))
  return nodes
}

/** The module that a node names, if it names one: an import, an export from, a type of a module, a module that is augmented, a `require`. */
function moduleNamed (node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isExternalModuleReference(node)) return node.expression
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (ts.isModuleDeclaration(node)) return ts.isStringLiteral(node.name) ? node.name : undefined
  return ts.isCallExpression(node) && isImporting(node.expression) ? node.arguments[0] : undefined
}

/** True for `import`, `require` and `createRequire(…)`, when they are called. */
function isImporting (called: ts.Expression): boolean {
  if (called.kind === ts.SyntaxKind.ImportKeyword) return true
  if (ts.isIdentifier(called)) return called.text === 'require'
  return ts.isCallExpression(called) && ts.isIdentifier(called.expression) && called.expression.text === 'createRequire'
}

/** The modules that a file imports, in whichever way. A computed name is `?`, because nobody can check it. */
function importsOf (file: SourceFile): string[] {
  return nodesOf(file).map(moduleNamed).filter((name) => name !== undefined).map((name) => ts.isStringLiteralLike(name) ? name.text : '?')
}

/** What a file imports though its room may not. */
function breaches (file: SourceFile): string[] {
  const room = HOUSE.find(({ room }) => room === roomOf(file.path))
  if (room === undefined) return [`${file.path} is in no room of the house`]
  return importsOf(file).filter((name) => !isAllowed(name, file, room)).map((name) => `${file.path} imports ${name}`)
}

function isAllowed (name: string, { path }: SourceFile, { room, mayImport, packages, node }: Room): boolean {
  if (name.startsWith('.')) {
    const target = posix.join(posix.dirname(path), name)
    return !target.startsWith('..') && (roomOf(target) === room || mayImport.includes(roomOf(target)))
  }
  if (name.startsWith('node:')) return node.includes(name)
  const parts = name.split('/')
  return packages.includes(name.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0] ?? '')
}

/** The files of `lib/` that a file imports, by path. */
function filesImported (file: SourceFile): string[] {
  return importsOf(file).filter((name) => name.startsWith('.')).map((name) => posix.join(posix.dirname(file.path), name))
}

/** Every circle of imports among files, types included: each as the path from a file back to itself, and each once. */
function circles (among: readonly SourceFile[]): string[] {
  const imported = new Map(among.map((file) => [file.path, filesImported(file)]))
  const found: string[] = []
  const isDone = new Set<string>()
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(' → '))
    if (way.includes(path) || isDone.has(path)) return
    for (const next of imported.get(path) ?? []) visit(next, [...way, path])
    isDone.add(path)
  }
  for (const path of imported.keys()) visit(path, [])
  return found
}

/** The files that the table of the house names, by room, in its order. What stands in round brackets only explains. */
function filesOfTable (): Map<string, string[]> {
  const text = readFileSync(new URL('../docs/ARCHITECTURE.md', import.meta.url), 'utf8')
  const table = new Map<string, string[]>()
  for (const [, room = '', names = ''] of text.matchAll(/^\| (?:\d|wing) \| `lib\/(\w+)\/`: (.*?) \| [^|]* \|$/gm)) {
    const bare = names.replaceAll(/\([^()]*\)/g, '')
    table.set(room, Array.from(bare.matchAll(/`([\w-]+)`/g), ([, name = '']) => `${room}/${name}.ts`))
  }
  return table
}

/** What a file says to switch the type checker off. */
function untyped (file: SourceFile): string[] {
  const anys = nodesOf(file).filter(({ kind }) => kind === ts.SyntaxKind.AnyKeyword).map(() => 'any')
  return [...anys, ...file.text.match(/@ts-(ignore|nocheck|expect-error)/g) ?? []].map((what) => `${file.path} has ${what}`)
}

/** How many lines a file has. */
function linesIn ({ text }: SourceFile): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
}

/** True for a file that begins by saying what it is; a command has its `#!` line before that. */
function opensWithComment ({ text }: SourceFile): boolean {
  return /^(#!.*\n)?\/[/*]/.test(text)
}

t.test('every file imports only what its room may', async (t) => {
  t.strictSame(files.flatMap(breaches), [])
})

t.test('what a browser is to load imports nothing', async (t) => {
  const protocol = files.find(({ path }) => path === 'wire/protocol.ts')
  t.ok(protocol)
  if (protocol !== undefined) t.strictSame(importsOf(protocol), [])
})

t.test('no file imports itself, by whatever way: no type does either', async (t) => {
  t.strictSame(circles(files), [])
})

t.test('a circle of imports is found, however long', async (t) => {
  const of = (imports: Record<string, string[]>): string[] => {
    return circles(Object.entries(imports).map(([path, names]) => ({ path, text: names.map((name) => `import type { a } from '${name}'`).join('\n') })))
  }
  t.strictSame(of({ 'a/1.ts': ['./2.ts'], 'a/2.ts': ['../b/3.ts'], 'b/3.ts': [] }), [])
  t.strictSame(of({ 'a/1.ts': ['./2.ts', '../b/3.ts'], 'a/2.ts': ['../b/3.ts'], 'b/3.ts': [] }), [], 'two ways to one file are none')
  t.strictSame(of({ 'a/1.ts': ['./1.ts'] }), ['a/1.ts → a/1.ts'])
  t.strictSame(of({ 'a/0.ts': ['./1.ts'], 'a/1.ts': ['./2.ts'], 'a/2.ts': ['../b/3.ts'], 'b/3.ts': ['../a/1.ts'] }), ['a/1.ts → a/2.ts → b/3.ts → a/1.ts'])
})

t.test('no file is typed any, or hides from the type checker', async (t) => {
  t.strictSame(files.flatMap(untyped), [])
})

t.test(`no file is longer than ${MOST_LINES} lines`, async (t) => {
  t.strictSame(files.filter((file) => linesIn(file) > MOST_LINES).map((file) => `${file.path} has ${linesIn(file)} lines`), [])
})

t.test('every file opens with a comment', async (t) => {
  t.strictSame(files.filter((file) => !opensWithComment(file)).map(({ path }) => path), [])
})

t.test('the table of the house names every file of the feed, of its subscriptions, of rooms and of runs, those first that import nothing of their room', async (t) => {
  const table = filesOfTable()
  for (const room of ['feed', 'subscription', 'runs', 'rooms']) {
    const named = table.get(room) ?? []
    const own = files.filter(({ path }) => roomOf(path) === room)
    t.strictSame([...named].sort(), own.map(({ path }) => path).sort(), room)
    for (const file of own) {
      const later = filesImported(file).filter((path) => named.indexOf(path) > named.indexOf(file.path))
      t.strictSame(later, [], `${file.path} stands after what it imports`)
    }
  }
})

t.test('a room imports only from lower floors', async (t) => {
  const floorOf = (name: string): number => {
    const floor = HOUSE.find(({ room }) => room === name)?.floor
    return typeof floor === 'number' ? floor : Infinity
  }
  for (const { floor, room, mayImport } of HOUSE) {
    t.ok(mayImport.every((name) => floorOf(name) < (floor === 'wing' ? 3 : floor)), room)
  }
})

t.test('the house is read whole', async (t) => {
  t.ok(files.length > 20, `${files.length} files`)
  for (const room of ['stream', 'wire', ...SLAB]) t.ok(files.some(({ path }) => roomOf(path) === room), room)
})

t.test('an import is seen in whichever way it is written', async (t) => {
  const text = [
    "import a from './1.ts'", "import type { b } from './2.ts'", "import { type c } from './3.ts'", "import './4.ts'", "export * from './5.ts'",
    "export type { d } from './6.ts'", "type E = import('./7.ts').E", "const f = await import('./8.ts')", "import g = require('./9.ts')",
    "const h = require('./10.ts')", "const i = createRequire(import.meta.url)('./11.ts')", "declare module './12.ts' {}",
    "import {\n  j,\n  k\n} from './13.ts'", 'const l = await import(`./14.ts`)', 'const m = await import(name)',
    "// import n from './no.ts'", "const o = \"import p from './no.ts'\"", 'export const q = 1'
  ].join('\n')
  t.strictSame(importsOf({ path: 'any.ts', text }), [...Array.from({ length: 14 }, (_, index) => `./${index + 1}.ts`), '?'])
})

t.test('what the house forbids is found', async (t) => {
  const forbidden: Array<[path: string, name: string]> = [
    ['stream/a.ts', '../feed/a.ts'], ['stream/a.ts', '../log/a.ts'], ['stream/a.ts', '../schema/a.ts'], ['stream/a.ts', 'fastify'],
    ['subscription/a.ts', '../stream/a.ts'], ['subscription/a.ts', '../plugin/a.ts'], ['subscription/a.ts', 'node:http'],
    ['feed/a.ts', '../subscription/a.ts'], ['feed/a.ts', '../stream/a.ts'], ['feed/a.ts', '../plugin/a.ts'], ['feed/a.ts', 'node:http'], ['feed/a.ts', 'fastify'], ['feed/a.ts', 'fastify/types/x.js'],
    ['log/a.ts', '../feed/a.ts'], ['log/a.ts', '../stream/a.ts'], ['log/a.ts', 'node:http2'],
    ['schema/a.ts', '../feed/a.ts'], ['schema/a.ts', 'node:net'], ['schema/a.ts', '@fastify/error'],
    ['wire/a.ts', '../stream/a.ts'], ['wire/a.ts', 'node:net'], ['wire/a.ts', 'node:buffer'],
    ['errors.ts', './defaults.ts'], ['clock.ts', 'node:timers'], ['plugin/a.ts', '../index.ts'], ['plugin/a.ts', '../client/a.ts'], ['plugin/a.ts', '../../test/clock.ts'],
    ['client/a.ts', 'node:fs'], ['client/a.ts', '../stream/a.ts'], ['redis/a.ts', '../feed/a.ts'], ['cellar/a.ts', './b.ts'], ['plugin/a.ts', 'http']
  ]
  for (const [path, name] of forbidden) t.equal(breaches({ path, text: `import '${name}'` }).length, 1, `${path} imports ${name}`)
})

t.test('what the house allows is let through', async (t) => {
  const allowed: Array<[path: string, name: string]> = [
    ['index.ts', './plugin/a.ts'], ['index.ts', './wire/a.ts'], ['plugin/a.ts', '../feed/a.ts'], ['plugin/a.ts', '../stream/a.ts'], ['plugin/a.ts', 'fastify'],
    ['subscription/a.ts', '../feed/a.ts'], ['feed/a.ts', '../log/a.ts'], ['feed/a.ts', './b.ts'], ['stream/a.ts', 'node:http'], ['stream/a.ts', '../wire/a.ts'], ['log/a.ts', 'node:crypto'],
    ['schema/a.ts', '@fastify/ajv-compiler'], ['schema/deep/a.ts', '../../wire/a.ts'], ['wire/a.ts', '../errors.ts'], ['errors.ts', '@fastify/error']
  ]
  for (const [path, name] of allowed) t.strictSame(breaches({ path, text: `import '${name}'` }), [])
})

t.test('a file that is not typed, too long, or without a comment at its start is found', async (t) => {
  const file = (text: string): SourceFile => ({ path: 'wire/a.ts', text })
  for (const text of ['let a: any', 'const a = b as any', 'type A = Array<any>', '// @ts-ignore', '// @ts-nocheck', '// @ts-expect-error']) {
    t.equal(untyped(file(text)).length, 1, text)
  }
  t.strictSame(untyped(file('// any\nconst any = "any"')), [])
  t.equal(linesIn(file('\n'.repeat(MOST_LINES))), MOST_LINES)
  t.equal(linesIn(file(`${'\n'.repeat(MOST_LINES)}a`)), MOST_LINES + 1)
  for (const text of ["import a from 'a'\n/** A. */", '', '\n/** A. */']) t.notOk(opensWithComment(file(text)), JSON.stringify(text))
  for (const text of ['/** A. */', '/**\n * A.\n */', '// A.', '#!/usr/bin/env node\n/** A. */']) t.ok(opensWithComment(file(text)), JSON.stringify(text))
})
