/** Node in other versions: the binaries of the npm package `node`, installed once and kept in `node_modules/.cache`. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { outputOf } from './programs.ts'

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/node-versions/', import.meta.url))

/** A Node that can be started. */
export interface NodeBinary {
  /** Such as `v22.21.0`. */
  readonly version: string
  /** The folder of the program `node`. */
  readonly folder: string
}

/**
 * The newest Node of that version, such as 22 or 22.12.0. An installed one is used again; remove the cache for a newer
 * one.
 */
export async function nodeBinary (wanted: string): Promise<NodeBinary> {
  const place = join(CACHE, wanted)
  const folder = join(place, 'node_modules/node/bin')
  const version = async (): Promise<string> => (await outputOf(place, join(folder, 'node'), '--version')).trim()
  const installed = await version().catch(() => undefined)
  if (installed !== undefined) return { version: installed, folder }

  await mkdir(place, { recursive: true })
  // with a package.json of its own, or npm would install it for this project
  await writeFile(join(place, 'package.json'), '{ "private": true }\n')
  await outputOf(place, 'npm', 'install', '--no-save', '--no-audit', '--no-fund', `node@${wanted}`)
  return { version: await version(), folder }
}
