/** Whether the AI clients are installed. They have a folder of their own: some of them exclude each other as peers. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Program } from '../../programs.ts'
import { outputOf } from '../../versions/programs.ts'

/** The folder of the clients, which has a `package.json` of its own. */
export const AI_CLIENTS = import.meta.dirname

/** Written when all of it is there. */
const STAMP = join(AI_CLIENTS, 'node_modules/.stamp')

export const redisServer = new Program('redis-server', 'redis-server')

/** Says what must be installed: another text, another installation. */
function wanted (): string {
  return createHash('sha256').update(readFileSync(join(AI_CLIENTS, 'package-lock.json'))).digest('hex')
}

/** True where there is nothing to install. */
export function isInstalled (): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted()
}

/** Installs them, from the lock file. */
export async function installAiClients (): Promise<void> {
  if (isInstalled()) return
  // scripts of packages would download binaries that no test needs
  console.log(await outputOf(AI_CLIENTS, 'npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'))
  writeFileSync(STAMP, wanted())
}

const MISSING = 'the AI clients are not installed, or not up to date: run "npx tsx test/matrix/install.ts"'

/** For the option `skip` of a test that needs them. With CI a test runs, and fails where they are missing. */
export const skipWithoutAiClients: string | false = isInstalled() || process.env.CI ? false : MISSING

/** Throws where they are missing, with what to do. */
export function needAiClients (): void {
  if (!isInstalled()) throw new Error(MISSING)
}

/** A module of theirs. Throws where they are missing, with what to do. Its type is what the caller knows of it. */
export async function aiModule<Module> (name: string): Promise<Module> {
  needAiClients()
  const path = createRequire(join(AI_CLIENTS, 'package.json')).resolve(name)
  // no compiler sees these modules: they are not installed where the project is built
  return await import(pathToFileURL(path).href) as Module
}
