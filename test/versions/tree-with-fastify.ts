/**
 * A copy of this project with another version of Fastify, because only one can be installed beside the others that need
 * it.
 */
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputOf } from './programs.ts'

/** This project. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** A folder in which tests can run. */
export interface Tree {
  readonly folder: string
  /** The version of Fastify in it. */
  readonly fastify: string
  remove (): Promise<void>
}

/** This folder itself, built. */
export async function thisTree (): Promise<Tree> {
  await outputOf(ROOT, 'npm', 'run', 'build')
  return { folder: ROOT, fastify: await fastifyIn(ROOT), remove: async () => {} }
}

/** A copy of all files that are not ignored, built with that version of Fastify. Its caller removes it. */
export async function treeWithFastify (wanted: string): Promise<Tree> {
  const folder = await mkdtemp(join(tmpdir(), 'eventfeed-fastify-'))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    const files = await outputOf(ROOT, 'git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
    // a file that was removed and not committed yet is still listed
    for (const file of files.split('\0').filter(Boolean)) await cp(join(ROOT, file), join(folder, file)).catch(ignoreMissing)
    const options = ['--no-save', '--no-package-lock', '--prefer-offline', '--no-audit', '--no-fund']
    await outputOf(folder, 'npm', 'install', ...options, `fastify@${wanted}`)
    for (const path of [DRIVER, ...CLIENTS]) await link(folder, path).catch(ignoreMissing)
    await outputOf(folder, 'npm', 'run', 'build')
    return { folder, fastify: await fastifyIn(folder), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** npm knows nothing of the SQLite driver of Node 20, which `test/sqlite/install-driver.ts` has put here. */
const DRIVER = 'node_modules/better-sqlite3'

/** Nor of what `test/matrix/install.ts` has put here. */
const CLIENTS = [
  'test/matrix/clients/node_modules', 'test/matrix/clients/.made', 'test/matrix/ai/node_modules', 'node_modules/.cache/node-versions'
]

/** Uses a folder of this project in the copy. */
async function link (folder: string, path: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true })
  await symlink(await realpath(join(ROOT, path)), join(folder, path), 'dir')
}

async function fastifyIn (folder: string): Promise<string> {
  return (await outputOf(folder, process.execPath, '--print', 'require("fastify/package.json").version')).trim()
}

function ignoreMissing (error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
