/** The package as its users get it: packed from a copy of this folder, and installed in a folder of its own beside its peers. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Test } from 'tap'

const root = fileURLToPath(new URL('../../', import.meta.url))
const modules = join(root, 'node_modules')
const NOT_COPIED = new Set(['node_modules', '.git', '.tap', 'dist'])
const PEERS = ['fastify', 'prom-client', 'typebox', 'typescript', '@types/node']

/** The packed package, installed. */
export interface Packed {
  /** Where it is installed, and where consumers live. */
  readonly folder: string
  readonly tarball: string
  /** What is in the tarball, by path. */
  readonly files: readonly string[]
}

/**
 * Packs and installs the package, and `others` that its consumers need. It builds in the copy, so no test that runs
 * beside this one misses `dist/` for a moment.
 */
export async function packAndInstall (t: Test, others: readonly string[] = []): Promise<Packed> {
  const temporary = await mkdtemp(join(tmpdir(), 'eventfeed-package-'))
  t.teardown(() => rm(temporary, { recursive: true, force: true }))
  const [source, folder] = [join(temporary, 'source'), join(temporary, 'consumer')]
  await cp(root, source, { recursive: true, filter: (path) => path === root || !NOT_COPIED.has(basename(path)) })
  await symlink(modules, join(source, 'node_modules'), 'dir')
  await run(source, 'npm', 'pack', '--pack-destination', temporary)
  const [name = ''] = (await readdir(temporary)).filter((name) => name.endsWith('.tgz'))
  const tarball = join(temporary, name)

  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true }))
  // in the versions that are here, which npm has in its cache since it installed them here
  const peers = await Promise.all([...PEERS, ...others].map(async (peer) => `${peer}@${await versionOf(peer)}`))
  await run(folder, 'npm', 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder, tarball, ...peers)

  const installed = join(folder, 'node_modules/fastify-eventfeed')
  const entries = await readdir(installed, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
  return { folder, tarball, files: files.filter((path) => !path.startsWith('node_modules/')).toSorted() }
}

/** Runs a program in a folder, without what a test runner or npm has put in the environment. Gives its output; throws with all of it if it fails. */
export async function run (folder: string, program: string, ...args: string[]): Promise<string> {
  const foreign = /^(NODE_OPTIONS$|TAP|_TAPJS|npm_(package|lifecycle|command|node|execpath)|npm_config_(local_|global_)?prefix$)/
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
  try {
    return (await promisify(execFile)(program, args, { cwd: folder, env, maxBuffer: 2 ** 26 })).stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string, stderr?: string } // execFile adds them
    throw new Error(`${basename(program)} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

/** A program that a package here brings. */
export function program (name: string): string {
  return join(modules, '.bin', name)
}

async function versionOf (name: string): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(join(modules, name, 'package.json'), 'utf8'))
  return version
}
