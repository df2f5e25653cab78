/** What this process holds: descriptors, and memory after garbage was collected. */
import { existsSync, readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const DESCRIPTORS = '/proc/self/fd'

setFlagsFromString('--expose-gc')
// a function that is there by the flag
const collect = runInNewContext('gc') as () => void

/** False where the system does not tell how many descriptors a process has. */
export const canCountDescriptors = existsSync(DESCRIPTORS)

/** How many descriptors are open; that of the look itself is not counted. */
export function descriptors (): number {
  return readdirSync(DESCRIPTORS).length - 1
}

/** The heap after a collection, in bytes. */
export async function heapUsed (): Promise<number> {
  for (let times = 0; times < 3; times++) {
    collect()
    // what waits for the turn's end, such as finalizers
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  return process.memoryUsage().heapUsed
}

/** What is held outside of the heap by buffers, after a collection, in bytes. */
export async function buffersHeld (): Promise<number> {
  await heapUsed()
  return process.memoryUsage().arrayBuffers
}
