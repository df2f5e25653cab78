/**
 * Many pages in one process, which obeys commands, one a line:
 *
 * - `open <count> <path> <before> <mode>`: opens so many, where the number of the newest event is <before>; answers `opened` when each
 *   has its first event
 * - `pause`: stops reading; answers `paused`
 * - `read <last>`: reads on until each has the event of this number, or a time is over; answers `read <complete> <reconnects> <gaps>
 *   <missing> <problems> <the first problem>`
 * - `retries`: answers `retries <milliseconds> …`, what each page was told at first
 */
import { createInterface } from 'node:readline'
import { Continuity, type SlowConsumerMode } from './continuity.ts'
import { Page } from './page.ts'

/** Servers have a backlog of a few hundred. */
const MOST_IN_FLIGHT = 200
/** Whoever has not got the rest by then is left behind. */
const READ_WITHIN_MS = 50_000

const port = Number(process.argv[2])
const pages: Page[] = []
let begin: () => void = () => {}
let onProgress: (page: Page) => void = () => {}

createInterface({ input: process.stdin })
  .on('line', (line) => { obey(line).then((answer) => { console.log(answer) }, fail) })
  .on('close', () => { process.exit() })
process.on('uncaughtException', fail)

async function obey (line: string): Promise<string> {
  const [command, ...words] = line.split(' ')
  if (command === 'open') return await open(Number(words[0]), words[1] ?? '/', Number(words[2]), words[3] as SlowConsumerMode) // as the bench says it
  if (command === 'read') return await read(Number(words[0]))
  if (command === 'retries') return `retries ${pages.map(({ retries }) => retries[0] ?? NaN).join(' ')}`
  if (command !== 'pause') throw new Error(`no command: ${line}`)
  for (const page of pages) page.pause()
  return 'paused'
}

function open (count: number, path: string, before: number, mode: SlowConsumerMode): Promise<string> {
  const target = pages.length + count
  const placed = new Set<Page>()
  return new Promise((resolve) => {
    begin = () => {
      while (pages.length < target && pages.length - placed.size < MOST_IN_FLIGHT) {
        pages.push(new Page({ port, path, continuity: new Continuity(before, mode), onProgress: (page) => { onProgress(page) } }))
      }
    }
    onProgress = (page) => {
      placed.add(page)
      begin()
      if (placed.size === target) resolve('opened')
    }
    begin()
  })
}

async function read (last: number): Promise<string> {
  await new Promise<void>((resolve) => {
    const left = new Set(pages.filter(({ continuity }) => continuity.last !== last))
    const timer = setTimeout(resolve, READ_WITHIN_MS)
    const check = (): void => {
      if (left.size > 0) return
      clearTimeout(timer)
      resolve()
    }
    onProgress = (page) => {
      if (page.continuity.last !== last) return
      left.delete(page)
      check()
    }
    for (const page of pages) page.resume()
    check()
  })
  const verdicts = pages.map(({ continuity }) => continuity.verdict(last))
  const problems = verdicts.flatMap((verdict) => verdict.problems)
  const complete = pages.filter(({ continuity }) => continuity.last === last).length
  const reconnects = pages.reduce((sum, page) => sum + page.reconnects, 0)
  const total = (name: 'gaps' | 'missing'): number => verdicts.reduce((sum, verdict) => sum + verdict[name], 0)
  return `read ${complete} ${reconnects} ${total('gaps')} ${total('missing')} ${problems.length} ${problems[0] ?? ''}`
}

function fail (error: unknown): never {
  console.log(`failed ${error instanceof Error ? error.message : String(error)}`)
  process.exit(1)
}
