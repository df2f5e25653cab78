/** The chat on two servers that do the same: one has runs, the other `resumable-stream`. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import Fastify from 'fastify'
import type { Test } from 'tap'
import eventfeed from '../../../lib/index.ts'
import { loadServer, pageCode, type Transport } from '../../guides/ai-guide.ts'
import { AI_CLIENTS, aiModule } from './installed.ts'
import { ScriptedModel } from './model.ts'
import { servePage } from './serve-page.ts'

/** A chat that is served. */
export interface ChatServer {
  readonly origin: string
  /** The model's answer, which is under way or comes next, says this. */
  say (word: string): void
  /** The answer is complete. */
  finish (): void
  /** Resolves when an answer of the model was aborted. */
  aborted (): Promise<void>
  /** What a deployment does to it: it is asked to end, and has ended. */
  end (): Promise<void>
}

/** A chat on runs. */
export interface RunsServer extends ChatServer {
  /** Cuts all lines after what was written to them, as a network that fails. */
  cut (): void
}

/** How one of them is started: on a port, 0 for any; with the page's script. */
export interface Start { readonly port: number, readonly script: string }

/** What the page imports for a transport. `useChat` has the default one itself. */
const IMPORTS = {
  DefaultChatTransport: '',
  WorkflowChatTransport: "import { WorkflowChatTransport } from '@ai-sdk/workflow/client'"
}

/** How the one with runs is started. */
export interface RunsStart extends Start {
  readonly transport?: Transport
  /** Keeps the runs; they are in memory by default. */
  readonly file?: string
}

/** Makes one script of the guide's page and all that it imports. Gives its path. */
export async function bundlePage (folder: string, transport: Transport): Promise<string> {
  const { build } = await aiModule<{ build (options: object): Promise<unknown> }>('esbuild')
  const outfile = join(folder, `${transport}.js`)
  const contents = `
    import { useChat } from '@ai-sdk/react'
    ${IMPORTS[transport]}
    import { show } from './page.js'
    show((chatId) => {
      ${pageCode(transport)}
      return { messages, sendMessage, status, error, stop }
    })`
  await build({
    stdin: { contents, resolveDir: AI_CLIENTS },
    outfile,
    bundle: true,
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error'
  })
  return outfile
}

/** The drain of the runs' server, in milliseconds: answers that are under way get three quarters of it. */
const DRAIN_TIMEOUT_MS = 400

/** A server of the guide, which closes where it is asked to end. */
export async function startRuns (t: Test, start: RunsStart): Promise<RunsServer> {
  const { port, script, transport = 'DefaultChatTransport', file } = start
  let onAbort = () => {}
  const aborted = new Promise<void>((resolve) => { onAbort = resolve })
  const model = new ScriptedModel(onAbort)
  const app = Fastify({ forceCloseConnections: true })
  const end = async () => { await app.close() }
  t.teardown(end)
  await app.register(eventfeed, { drainTimeoutMs: DRAIN_TIMEOUT_MS })
  await servePage(app, script)
  await app.register(await loadServer(t, transport, { model, file }))
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => { sockets.delete(socket) })
  })
  const cut = () => { for (const socket of sockets) socket.destroySoon() }
  const origin = await app.listen({ host: '127.0.0.1', port })
  const say = (word: string) => { model.say(word) }
  return { origin, end, cut, say, finish: () => { model.finish() }, aborted: () => aborted }
}

/** The control: a process of its own, which dies when it is asked to end, as any does that handles no signals. */
export async function startControl (t: Test, redis: string, { port, script }: Start): Promise<ChatServer> {
  const options = { execArgv: ['--import', import.meta.resolve('tsx')] }
  const child: ChildProcess = fork(join(AI_CLIENTS, 'control.js'), [redis, String(port), script], options)
  const exited = once(child, 'exit')
  const end = async () => {
    child.kill('SIGTERM')
    await exited
  }
  t.teardown(end)
  const heard = (name: string) => new Promise<string>((resolve, reject) => {
    child.on('message', (message: Record<string, string>) => { if (message[name] !== undefined) resolve(message[name]) })
    exited.then(() => { reject(new Error(`it has ended, and did not tell of: ${name}`)) })
  })
  const tell = (message: object) => { if (child.connected) child.send(message) }
  const aborted = heard('aborted')
  aborted.catch(() => {}) // whoever asks hears of it
  return {
    origin: await heard('origin'),
    end,
    say: (word) => { tell({ say: word }) },
    finish: () => { tell({ finish: true }) },
    aborted: async () => { await aborted }
  }
}
