/**
 * Files for the log of the guide: the next write of a log can be made to fail, and writes can be held. What is not
 * synced does not count as written: `copyNow` copies what a crash would leave.
 */
import { copyFileSync, existsSync } from 'node:fs'
import { writeFile as write } from 'node:fs/promises'

export { open, readFile, rename, rm } from 'node:fs/promises'

const failing = new Set<string>()
const held = new Map<string, Promise<void>>()

/** `writeFile`, which fails or waits where that was said of the log. */
export async function writeFile (
  path: string, text: string, options: { flag?: string, flush?: boolean }
): Promise<void> {
  const log = path.replace(/\.(new|lock)$/, '')
  if (path.endsWith('.new')) {
    if (options.flush !== true) throw new Error('a write that is not synced is no commit')
    await held.get(log)
    if (failing.delete(log)) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  }
  await write(path, text, options)
}

/** The next write of the log at this path fails. */
export function failNext (path: string): void {
  failing.add(path)
}

/** No write of the log at this path happens until the function that is returned was called. */
export function hold (path: string): () => void {
  let release = (): void => {}
  held.set(path, new Promise((resolve) => { release = resolve }))
  return () => {
    held.delete(path)
    release()
  }
}

/** Copies the file at this moment. */
export function copyNow (path: string, copy: string): void {
  if (existsSync(path)) copyFileSync(path, copy)
}
