/** The servers of the guide to answers of AI models, taken out of it and loaded as they stand there. */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { AI_CLIENTS, needAiClients } from '../matrix/ai/installed.ts'
import type { ScriptedModel } from '../matrix/ai/model.ts'

const guide = await readFile(new URL('../../docs/guides/ai.md', import.meta.url), 'utf8')

/** The server for each transport, by a text that stands in it alone. */
const MARKS = { DefaultChatTransport: 'x-vercel-ai-ui-message-stream' } as const

export type Transport = keyof typeof MARKS

/** The plugin that the server's module exports. */
export type ChatPlugin = (app: FastifyInstance) => Promise<void>

/** The code of one server. */
export function serverCode (transport: Transport): string {
  const examples = Array.from(guide.matchAll(/```js\n(.*?)```/gs), ([, code = '']) => code)
  const found = examples.filter((code) => code.includes(MARKS[transport]))
  if (found.length !== 1) throw new Error(`${found.length} servers for ${transport}`)
  return found.join()
}

/** The models of the servers that were loaded: their `model.js` takes them from here. */
const models: ScriptedModel[] = []
Object.assign(globalThis, { modelsOfTheGuide: models })

/** What a server is loaded with. */
export interface Load {
  readonly model: ScriptedModel
  /** The version of the SDK; 7 by default. */
  readonly ai?: 'ai' | 'ai7' | undefined
}

/** Loads a server. */
export async function loadServer (t: Test, transport: Transport, { model, ai = 'ai7' }: Load): Promise<ChatPlugin> {
  needAiClients()
  const folder = await mkdtemp(join(tmpdir(), 'eventfeed-guide-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'node_modules'))
  await symlink(join(AI_CLIENTS, 'node_modules', ai), join(folder, 'node_modules/ai'), 'dir')
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'model.js'), `export const model = globalThis.modelsOfTheGuide[${models.push(model) - 1}]\n`)
  const path = join(folder, 'chat.js')
  await writeFile(path, serverCode(transport))
  const module: { default: ChatPlugin } = await import(pathToFileURL(path).href)
  return module.default
}
