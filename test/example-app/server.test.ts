import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { read } from './app.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(`the server prints its address, and stops cleanly on ${signal} with a stream open`, async (t) => {
    const server = spawn(process.execPath, ['--import', 'tsx', 'example-app/server.ts'], {
      cwd: root,
      // Only what it needs: what a test runner puts there would instrument it.
      env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit']
    })
    t.teardown(() => server.kill('SIGKILL'))
    const exited = once(server, 'exit')
    const output: string[] = []
    const lines = createInterface(server.stdout).on('line', (line) => output.push(line))
    await Promise.race([once(lines, 'line'), exited])

    const [, address] = /^example app: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(output[0] ?? '') ?? []
    if (address === undefined) return t.fail(`no address: ${output.join('\n')}`)
    t.equal((await fetch(address)).status, 200)
    const stream = await read(t, `${address}chat-updates`)
    await stream.next()

    server.kill(signal)
    t.same(await exited, [0, null])
    t.equal(output.length, 1, 'one plain line')
  })
}
