/** Runs programs for the suite on other versions. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** What a program prints. Rejects with all that it printed if it fails. */
export async function outputOf (folder: string, program: string, ...args: string[]): Promise<string> {
  try {
    const options = { cwd: folder, env: cleanEnvironment(), maxBuffer: 2 ** 26 }
    return (await promisify(execFile)(program, args, options)).stdout
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string, stderr?: string } // execFile adds them
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

/** The environment without what npm has put there for its own script. */
export function cleanEnvironment (): NodeJS.ProcessEnv {
  const foreign = /^(NODE_OPTIONS$|npm_(package|lifecycle|command|node|execpath)|npm_config_(local_|global_)?prefix$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}
