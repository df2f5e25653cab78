/**
 * Programs that tests run and npm cannot bring. Where one is missing, its tests are skipped and say which package to install;
 * with `CI` set they fail instead, because there a skipped test would go unnoticed.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program, and the Debian package that brings it. */
export class Program {
  readonly #name: string
  readonly #debianPackage: string

  constructor (name: string, debianPackage: string) {
    this.#name = name
    this.#debianPackage = debianPackage
  }

  /** For the option `skip` of a test that needs the program. */
  get skip (): string | false {
    return this.#find() !== undefined || process.env.CI ? false : this.#missing
  }

  /** True where it is installed. */
  get found (): boolean {
    return this.#find() !== undefined
  }

  /** Where it lies. Throws where it is missing. */
  get path (): string {
    const path = this.#find()
    if (path === undefined) throw new Error(this.#missing)
    return path
  }

  get #missing (): string {
    return `${this.#name} is missing: install the Debian package "${this.#debianPackage}"`
  }

  #find (): string | undefined {
    // Debian puts servers where an ordinary user's PATH does not look
    const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), '/usr/sbin', '/usr/local/sbin']
    return folders.map((folder) => join(folder, this.#name)).find(isExecutable)
  }
}

export const curl = new Program('curl', 'curl')
export const nginx = new Program('nginx', 'nginx')

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
