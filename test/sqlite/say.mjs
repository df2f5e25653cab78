/** What a process of a test prints is with the test when `say` returns, also where the process is killed then. */
import { writeSync } from 'node:fs'

/** Somebody to wait for who never comes. */
const nobody = new Int32Array(new SharedArrayBuffer(4))

/** Prints a line. Where the test reads slowly, the pipe is full for a moment. */
export function say (line) {
  for (let rest = Buffer.from(`${line}\n`); rest.length > 0;) {
    try {
      rest = rest.subarray(writeSync(1, rest))
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      Atomics.wait(nobody, 0, 0, 1)
    }
  }
}
