/**
 * A copy of this project with another version of Fastify, because only one can be installed beside the others that need
 * it.
 */
import { cp, mkdtemp, realpath, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
    await linkDriver(folder).catch(ignoreMissing)
    await outputOf(folder, 'npm', 'run', 'build')
    return { folder, fastify: await fastifyIn(folder), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** npm knows nothing of the SQLite driver of Node 20, which `test/sqlite/install-driver.ts` has put here. */
async function linkDriver (folder: string): Promise<void> {
  const driver = 'node_modules/better-sqlite3'
  await symlink(await realpath(join(ROOT, driver)), join(folder, driver), 'dir')
}

async function fastifyIn (folder: string): Promise<string> {
  return (await outputOf(folder, process.execPath, '--print', 'require("fastify/package.json").version')).trim()
}

function ignoreMissing (error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
