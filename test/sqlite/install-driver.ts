/**
 * `npx tsx test/sqlite/install-driver.ts`: what Node 20 needs to run these tests. Does nothing where Node has SQLite.
 *
 * `better-sqlite3` is no dependency of this project: where its prebuilt binary cannot be downloaded it is compiled, which
 * takes two minutes, a compiler and the headers of Node, and `npm ci` would fail without them. npm does not install an
 * optional peer beside the project either, so it gets a folder of its own, and a link.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputOf } from '../versions/programs.ts'

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url))
const CACHE = join(MODULES, '.cache/better-sqlite3')
/** The last line that supports Node 20. */
const WANTED = 'better-sqlite3@12'

if (process.getBuiltinModule?.('node:sqlite') === undefined) {
  mkdirSync(CACHE, { recursive: true })
  // with a package.json of its own, or npm would install it for this project
  writeFileSync(join(CACHE, 'package.json'), '{ "private": true }\n')
  console.log(await outputOf(CACHE, 'npm', 'install', '--no-audit', '--no-fund', WANTED))
  const link = join(MODULES, 'better-sqlite3')
  rmSync(link, { recursive: true, force: true })
  symlinkSync(join(CACHE, 'node_modules/better-sqlite3'), link, 'dir')
}
