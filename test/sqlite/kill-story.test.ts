/**
 * A server that keeps its feed in SQLite is killed again and again, on a disk that is full for a while, and 50 clients
 * notice nothing: each gets every event that was acknowledged, once and in order. Run more kills by `EVENTFEED_KILLS=200`.
 */
import { createParser } from 'eventsource-parser'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Program } from '../programs.ts'
import { folderFor, skip } from './database.ts'

t.setTimeout(600_000)

const KILLS = Number(process.env.EVENTFEED_KILLS ?? 12)
const CLIENTS = 50
const SERVER = fileURLToPath(new URL('story-process.mjs', import.meta.url))
const unshare = new Program('unshare', 'util-linux')
const nsenter = new Program('nsenter', 'util-linux')

/** A small disk, which lives as long as the test. Gives the command that runs another one where it can be seen. */
async function smallDisk (t: Test, folder: string): Promise<string[]> {
  const isRoot = process.getuid?.() === 0
  const user = isRoot ? [] : ['--user', '--map-root-user']
  const holder = spawn(unshare.path, [...user, '--mount', 'sh', '-c', 'mount -t tmpfs -o size=24m none "$0" && echo mounted && exec cat', folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(async () => {
    holder.kill('SIGKILL')
    await once(holder, 'close')
  })
  await once(holder.stdout, 'data')
  return [nsenter.path, '--target', `${holder.pid}`, ...isRoot ? [] : ['--user', '--preserve-credentials'], '--mount']
}

/** A server that publishes. */
class Publisher {
  /** What it has printed: acknowledged numbers with their ids, refused ones, and what it was told to do. */
  readonly lines: string[] = []
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #look = (): void => {}

  constructor (within: readonly string[], file: string, port: number, first: number) {
    const [command = '', ...args] = [...within, process.execPath, '--no-warnings', SERVER, file, `${port}`, `${first}`]
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    this.#closed = once(child, 'close').then(() => {
      this.lines.push('over')
      this.#look()
    })
    createInterface(child.stdout).on('line', (line) => {
      this.lines.push(line)
      this.#look()
    })
    // it may be dead when it is told something
    child.stdin.on('error', () => {})
  }

  tell (line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Waits until what it has printed fulfils a condition, or it has ended. */
  async until (holds: (lines: readonly string[]) => boolean): Promise<void> {
    while (!holds(this.lines) && !this.lines.includes('over')) await new Promise<void>((resolve) => { this.#look = resolve })
  }

  /** Gives what ended it: anything but SIGKILL it did by itself. */
  async kill (): Promise<string | number | null> {
    this.#child.kill('SIGKILL')
    await this.#closed
    return this.#child.signalCode ?? this.#child.exitCode
  }

  get acknowledged (): Array<[number: number, id: string]> {
    return this.lines.flatMap((line): Array<[number, string]> => {
      const [, number, id] = /^(\d+) (\S+)$/.exec(line) ?? []
      return number === undefined || id === undefined ? [] : [[Number(number), id]]
    })
  }

  get refused (): string[] {
    return this.lines.filter((line) => line.startsWith('refused '))
  }
}

/** A client that comes back with the last event ID that it has, as an EventSource does. */
class Client {
  readonly numbers: number[] = []
  readonly ids: string[] = []
  readonly told: string[] = []
  readonly #leaving = new AbortController()
  #last = ''

  async follow (url: string): Promise<void> {
    while (!this.#leaving.signal.aborted) {
      try {
        await this.#read(url)
      } catch { /* the server was killed */ }
      // it starts again: a moment later, as a browser
      await setTimeout(5)
    }
  }

  leave (): void {
    this.#leaving.abort()
  }

  async #read (url: string): Promise<void> {
    const headers = { accept: 'text/event-stream', 'cache-control': 'no-cache', ...this.#last === '' ? {} : { 'last-event-id': this.#last } }
    const { body } = await fetch(url, { headers, signal: this.#leaving.signal })
    const parser = createParser({
      onEvent: ({ event, data, id }) => {
        if (id !== undefined) this.#last = id
        if (event === 'number') {
          this.numbers.push(Number(data))
          this.ids.push(this.#last)
        } else if (event !== 'stream:bookmark') this.told.push(`${event} ${data}`)
      }
    })
    for await (const text of body?.pipeThrough(new TextDecoderStream()) ?? []) parser.feed(text)
  }
}

t.test(`${KILLS} kills and a full disk, and ${CLIENTS} clients that get every acknowledged event once, in order, without a gap`, {
  skip: skip || unshare.skip || nsenter.skip
}, async (t) => {
  const disk = join(folderFor(t), 'disk')
  mkdirSync(disk)
  const within = await smallDisk(t, disk)
  const file = join(disk, 'feeds.db')
  const filler = join(disk, 'filler')
  const clients = Array.from({ length: CLIENTS }, () => new Client())
  t.teardown(() => { for (const client of clients) client.leave() })

  const acknowledged: Array<[number: number, id: string]> = []
  const refused: string[] = []
  const ends = new Set<string | number | null>()
  let [port, first] = [0, 1]
  for (let kill = 0; kill <= KILLS; kill++) {
    const server = new Publisher(within, file, port, first)
    t.teardown(() => server.kill())
    await server.until((lines) => lines.some((line) => line.startsWith('open ')))
    if (port === 0) {
      port = Number(/^open (\d+)$/.exec(server.lines[0] ?? '')?.[1])
      for (const client of clients) client.follow(`http://127.0.0.1:${port}/numbers`).catch(() => {})
    }
    // how long each lives is chance, on purpose
    const enough = server.lines.length + Math.ceil(Math.random() * 150)
    await server.until(({ length }) => length > enough)
    if (kill === Math.floor(KILLS / 2)) {
      server.tell(`fill ${filler}`)
      await server.until(() => server.refused.length > 20)
      server.tell(`free ${filler}`)
      await server.until((lines) => lines.includes('freed'))
      const before = server.acknowledged.length
      await server.until(() => server.acknowledged.length > before + 20)
    }
    if (kill === KILLS) {
      server.tell('stop')
      await server.until((lines) => lines.includes('stopped'))
      const last = Math.max(...server.acknowledged.map(([number]) => number))
      while (clients.some(({ numbers }) => numbers.at(-1) !== last)) await setTimeout(5)
    }
    ends.add(await server.kill())
    acknowledged.push(...server.acknowledged)
    refused.push(...server.refused)
    // some that were under way may have been committed: their numbers are not used again
    first = Math.max(first, ...server.lines.map((line) => Number(/^(?:refused )?(\d+)/.exec(line)?.[1] ?? 0))) + 10_000
  }
  for (const client of clients) client.leave()

  t.strictSame([...ends], ['SIGKILL'], 'no server ended by itself')
  t.ok(acknowledged.length > KILLS, `${acknowledged.length} were acknowledged, ${refused.length} refused`)
  t.strictSame([...new Set(refused.map((line) => line.split(' ')[2]))].filter((code) => code !== 'FST_EVENTFEED_LOG_BUSY'), ['FST_EVENTFEED_LOG_UNAVAILABLE'])
  const [one] = clients
  if (one === undefined) return t.fail('no client')
  t.ok(one.numbers.every((number, index) => index === 0 || number > (one.numbers[index - 1] ?? 0)), 'in order, each once')
  const ids = new Map(one.numbers.map((number, index) => [number, one.ids[index]]))
  t.strictSame(acknowledged.filter(([number, id]) => ids.get(number) !== id), [], 'every acknowledged event, with the id that publish gave')
  const refusedNumbers = new Set(refused.map((line) => Number(line.split(' ')[1])))
  t.strictSame(one.numbers.filter((number) => refusedNumbers.has(number)), [], 'none that was refused')
  t.ok(clients.every(({ numbers }) => numbers.join() === one.numbers.join()), 'all clients have the same')
  t.strictSame(clients.flatMap(({ told }) => told), [], 'and nobody was told of a gap')
})
