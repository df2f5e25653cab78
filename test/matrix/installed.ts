/** Whether the clients are installed, and what they run on. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Program } from '../programs.ts'

/** The folder of the clients, which has a `package.json` of its own. */
export const CLIENTS = join(import.meta.dirname, 'clients')

/** What `install.ts` makes itself, beside what npm installs. */
export const MADE = join(CLIENTS, '.made')

/** The client in Go. */
export const GO_CLIENT = join(MADE, 'go-client')

/** The generated client of @hey-api/openapi-ts. */
export const HEY_API = join(MADE, 'hey-api')

/** Names what is installed: written when all of it is there. */
export const STAMP = join(MADE, 'stamp')

export const firefox = new Program('firefox-esr', 'firefox-esr')
export const go = new Program('go', 'golang-go')

/** Debian's source of the Go client. */
export const GO_PATH = '/usr/share/gocode'
const GO_SOURCE = join(GO_PATH, 'src/github.com/donovanhide/eventsource')

/** Says what must be installed: another text, another installation. */
export function wanted (): string {
  const hash = createHash('sha256')
  for (const file of ['package-lock.json', 'hey-api/openapi.json', 'hey-api/openapi-ts.config.mjs', 'go/main.go']) hash.update(readFileSync(join(CLIENTS, file)))
  return hash.update(String(hasGo())).digest('hex')
}

/** True where `install.ts` has nothing to do. */
export function isInstalled (): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted()
}

/** True where Go and the source of its client are there. */
export function hasGo (): boolean {
  return go.found && existsSync(GO_SOURCE)
}

const MISSING = 'the clients of the matrix are not installed, or not up to date: run "npx tsx test/matrix/install.ts"'
const MISSING_GO = 'the client in Go is missing: install the Debian packages "golang-go" and "golang-github-donovanhide-eventsource-dev", then run "npx tsx test/matrix/install.ts"'

/** For the option `skip` of a test that needs the clients. With CI a test runs, and fails with this text. */
export const skipWithoutClients: string | false = isInstalled() || process.env.CI ? false : MISSING

/** The same for the client in Go. */
export const skipWithoutGo: string | false = (isInstalled() && existsSync(GO_CLIENT)) || process.env.CI ? false : MISSING_GO

/** Throws where the clients are missing, with what to do. */
export function needClients (): void {
  if (!isInstalled()) throw new Error(MISSING)
}

/** Throws where the client in Go is missing, with what to do. */
export function needGo (): void {
  needClients()
  if (!existsSync(GO_CLIENT)) throw new Error(MISSING_GO)
}
