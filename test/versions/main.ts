/**
 * `npm run test:node-versions`: the suite on every version of Node that is supported, and on the oldest Fastify, one
 * after the other.
 *
 *     npm run test:node-versions                                   all of them
 *     npm run test:node-versions -- 22 24 -- test/feed/*.test.ts   only these versions of Node, and only these tests
 *     npm run test:node-versions -- 22 fastify@5.0.0               Node 22, with the newest Fastify and with 5.0.0
 *     npm run test:node-versions -- fastify@5.0.0                  only Fastify 5.0.0, on the oldest Node
 *
 * Exits with 1 if any run failed.
 */
import { nodeBinary } from './node-binary.ts'
import { runSuite, type Counted } from './suite.ts'
import { thisTree, treeWithFastify, type Tree } from './tree-with-fastify.ts'

/** The supported lines of Node. The oldest also runs the oldest Fastify. */
const NODE_VERSIONS = ['20', '22', '24', '26']
const OLDEST_FASTIFY = '5.0.0'

const given = process.argv.slice(2)
const end = given.indexOf('--')
const versions = end === -1 ? given : given.slice(0, end)
const files = end === -1 ? [] : given.slice(end + 1)
const fastifyVersions = versions.flatMap((version) => /^fastify@(.+)$/.exec(version)?.[1] ?? [])
const nodeVersions = versions.filter((version) => !version.startsWith('fastify@'))
const unknown = nodeVersions.filter((version) => !/^\d+(\.\d+){0,2}$/.test(version))
if (unknown.length > 0) throw new Error(`no versions: ${unknown.join(', ')}. Test files come after a second --`)

const rows: Array<Counted & { node: string, fastify: string }> = []

/** Runs the suite in a tree. What cannot be installed is a failure like any other, and does not stop the rest. */
async function runIn (fastify: string, makeTree: () => Promise<Tree>, nodes: readonly string[]): Promise<void> {
  let tree: Tree | undefined
  try {
    tree = await makeTree()
    for (const wanted of nodes) {
      const binary = await nodeBinary(wanted).catch(stringOf)
      const names = { node: typeof binary === 'string' ? wanted : binary.version, fastify: tree.fastify }
      console.log(`\n# Node ${names.node}, fastify ${names.fastify}`)
      const counted = typeof binary === 'string' ? notRun(binary) : await runSuite(tree.folder, binary, files)
      rows.push({ ...names, ...counted })
    }
  } catch (error) {
    rows.push({ node: nodes.join(), fastify, ...notRun(stringOf(error)) })
  } finally {
    await tree?.remove()
  }
}

function notRun (reason: string): Counted {
  return { passed: 0, failed: 1, skipped: 0, failures: [reason] }
}

function stringOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const isChosen = nodeVersions.length > 0
if (isChosen || versions.length === 0) await runIn('', thisTree, isChosen ? nodeVersions : NODE_VERSIONS)
for (const version of versions.length > 0 ? fastifyVersions : [OLDEST_FASTIFY]) {
  await runIn(version, () => treeWithFastify(version), isChosen ? nodeVersions : NODE_VERSIONS.slice(0, 1))
}

for (const { node, fastify, failures } of rows) {
  for (const failure of failures) console.log(`\nNode ${node}, fastify ${fastify}: ${failure}`)
}
const cells = rows.map((row) => [row.node, row.fastify, row.passed, row.failed, row.skipped].map(String))
const padded = (cell: string, column: number): string => column < 2 ? cell.padEnd(10) : cell.padStart(8)
console.log()
for (const row of [['node', 'fastify', 'passed', 'failed', 'skipped'], ...cells]) console.log(row.map(padded).join(' '))
if (rows.some(({ failed }) => failed > 0)) process.exitCode = 1
