/** The client in Go: a program, one process for each stream. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { GO_CLIENT, needGo, skipWithoutGo } from './installed.ts'
import type { Client, Told } from './session.ts'

export const goClient: Client = {
  name: 'donovanhide/eventsource',
  skip: skipWithoutGo,
  async open ({ origin, path }, session) {
    needGo()
    const process = spawn(GO_CLIENT, [`${origin}${path}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(process, 'exit')
    // a line is what our own program writes
    createInterface(process.stdout).on('line', (line) => session.tell(JSON.parse(line) as Told))
    return {
      close: async () => {
        process.kill('SIGKILL')
        await exited
      }
    }
  }
}
