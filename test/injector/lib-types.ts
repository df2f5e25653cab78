/** What the compiler knows of `lib/`: the members of its interfaces, and the calls of what is Node's or Fastify's. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const LIB = join(import.meta.dirname, '..', '..', 'lib')

const files = readdirSync(LIB, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => join(LIB, path))
const program = ts.createProgram(files, {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  types: ['node']
})
const checker = program.getTypeChecker()
const sources = program.getSourceFiles().filter(({ fileName }) => files.includes(fileName))

/** All nodes of `lib/`. */
const nodes: ts.Node[] = []
const visit = (node: ts.Node): void => {
  nodes.push(node)
  ts.forEachChild(node, visit)
}
for (const source of sources) visit(source)

/** The members of an interface of `lib/`, those that it inherits left out, as `Interface.member`. */
export function membersOf (name: string): string[] {
  const members: string[] = []
  for (const node of nodes) {
    if (!ts.isInterfaceDeclaration(node) || node.name.text !== name) continue
    for (const member of node.members) if (member.name !== undefined) members.push(`${name}.${member.name.getText()}`)
  }
  if (members.length === 0) throw new Error(`lib/ has no interface ${name}`)
  return members
}

/**
 * The members of the union that an alias of `lib/` stands for, as they are written, without what stands in angle
 * brackets.
 */
export function unionOf (name: string): string[] {
  for (const node of nodes) {
    if (!ts.isTypeAliasDeclaration(node) || node.name.text !== name) continue
    const parts = ts.isUnionTypeNode(node.type) ? node.type.types : [node.type]
    return parts.map((part) => part.getText().replace(/<.*>/s, ''))
  }
  throw new Error(`lib/ has no type ${name}`)
}

/** Whose calls are looked at: what is Node's own and may throw, and what is Fastify's. */
const FOREIGN =
  /\/node_modules\/(?:@types\/node\/(?:http|http2|net|tls|stream|events|diagnostics_channel)\.d\.ts|fastify\/|pino\/)/

/** The calls in `lib/` of methods that are Node's or Fastify's, as `Interface.method`, each once. */
export function foreignCalls (): string[] {
  const calls = new Set<string>()
  for (const node of nodes) {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) continue
    const declaration = checker.getSymbolAtLocation(node.expression.name)?.declarations?.[0]
    if (declaration === undefined || !FOREIGN.test(declaration.getSourceFile().fileName)) continue
    const { parent } = declaration
    const owner = ts.isInterfaceDeclaration(parent) || ts.isClassDeclaration(parent) ? parent.name?.text ?? '' : ''
    calls.add(`${owner}.${node.expression.name.text}`)
  }
  return [...calls].sort()
}
