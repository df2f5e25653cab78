/**
 * `npx tsx test/matrix/install.ts`: installs the clients of the matrix, and what they run on. Does nothing where all of
 * it is there. They are no dependencies of this project, because nobody else needs 30 clients, some of which do not
 * install on the oldest Node.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nodeBinary } from '../versions/node-binary.ts'
import { outputOf } from '../versions/programs.ts'
import { CLIENTS, go, GO_CLIENT, GO_PATH, hasGo, HEY_API, isInstalled, MADE, STAMP, wanted } from './installed.ts'
import { installAiClients } from './ai/installed.ts'
import { NODE_VERSIONS } from './host.ts'

if (!isInstalled()) {
  // scripts of packages would download binaries that no test needs
  console.log(await outputOf(CLIENTS, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'))
  await rm(MADE, { recursive: true, force: true })
  await mkdir(MADE, { recursive: true })
  const [, newest] = await Promise.all(NODE_VERSIONS.map(nodeBinary))
  if (newest === undefined) throw new Error('no Node to run generators on')

  const generator = join(CLIENTS, 'node_modules/@hey-api/openapi-ts')
  const { bin } = JSON.parse(await readFile(join(generator, 'package.json'), 'utf8'))
  console.log(await outputOf(
    join(CLIENTS, 'hey-api'), join(newest.folder, 'node'), join(generator, bin['openapi-ts']), '--file', 'openapi-ts.config.mjs'
  ))
  if (hasGo()) {
    process.env.GOPATH = GO_PATH
    process.env.GO111MODULE = 'off'
    process.env.CGO_ENABLED = '0'
    await outputOf(join(CLIENTS, 'go'), go.path, 'build', '-o', GO_CLIENT, 'main.go')
  }
  await writeFile(STAMP, wanted())
}
console.log(`the clients of the matrix are installed; generated: ${HEY_API}`)
await installAiClients()
