/** The servers of the guide to answers of AI models, taken out of it and loaded as they stand there. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { AI_CLIENTS, needAiClients } from '../matrix/ai/installed.ts'
import type { ScriptedModel } from '../matrix/ai/model.ts'

const guide = await readFile(new URL('../../docs/guides/ai.md', import.meta.url), 'utf8')

/** The examples for each transport: a text that stands in its server alone, and one that stands in its page alone. */
const MARKS = {
  DefaultChatTransport: { server: 'x-vercel-ai-ui-message-stream', page: 'resume: true' },
  WorkflowChatTransport: { server: "'x-workflow-run-id', id", page: 'new WorkflowChatTransport' }
} as const

export type Transport = keyof typeof MARKS

/** The plugin that the server's module exports. */
export type ChatPlugin = (app: FastifyInstance) => Promise<void>

/** The code of the server for a transport. */
export function serverCode (transport: Transport): string {
  return example('js', MARKS[transport].server)
}

/**
 * The code of the page: it uses `useChat`, the transport and `chatId`, and makes `messages`, `sendMessage`, `status`,
 * `error` and `stop`.
 */
export function pageCode (transport: Transport): string {
  return example('jsx', MARKS[transport].page)
}

/** The one example of the guide in which a text stands. */
function example (language: string, text: string): string {
  const examples = Array.from(guide.matchAll(/```(\w+)\n(.*?)```/gs), ([, of, code = '']) => ({ of, code }))
  const found = examples.filter(({ of, code }) => of === language && code.includes(text))
  if (found.length !== 1) throw new Error(`${found.length} examples with ${text}`)
  return found.map(({ code }) => code).join()
}

/** The models of the servers that were loaded: their `model.js` takes them from here. */
const models: ScriptedModel[] = []
Object.assign(globalThis, { modelsOfTheGuide: models })

/** What a server is loaded with. */
export interface Load {
  readonly model: ScriptedModel
  /** The version of the SDK; 7 by default. */
  readonly ai?: 'ai' | 'ai7' | undefined
  /** A database for the runs, as the guide says; they are in memory by default. */
  readonly file?: string | undefined
}

/** Loads a server. */
export async function loadServer (t: Test, transport: Transport, load: Load): Promise<ChatPlugin> {
  const { model, ai = 'ai7', file } = load
  needAiClients()
  const folder = await mkdtemp(join(tmpdir(), 'eventfeed-guide-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'node_modules'))
  await symlink(join(AI_CLIENTS, 'node_modules', ai), join(folder, 'node_modules/ai'), 'dir')
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  const place = models.push(model) - 1
  await writeFile(join(folder, 'model.js'), `export const model = globalThis.modelsOfTheGuide[${place}]\n`)
  const path = join(folder, 'chat.js')
  await writeFile(path, file === undefined ? serverCode(transport) : durable(serverCode(transport), file))
  const module: { default: ChatPlugin } = await import(pathToFileURL(path).href)
  return module.default
}

/** A server whose runs outlive it: with the two lines of the guide that make it so. */
function durable (code: string, file: string): string {
  const both = /```js\n(import \{ sqliteLogs \}.*?)\n\n *const answers = (app\.runs\(.*?\))\n```/s
  const [, lines = '', options = ''] = both.exec(guide) ?? []
  const entry = JSON.stringify(fileURLToPath(new URL('../../lib/sqlite/index.ts', import.meta.url)))
  if (!code.includes("app.runs('answers')")) throw new Error('the server of the guide has no runs')
  const opened = lines.replace("'fastify-eventfeed/sqlite'", entry).replace("'answers.db'", JSON.stringify(file))
  return `${opened}\n${code.replace("app.runs('answers')", options)}`
}
