/**
 * What compilers print of twenty mistakes that are easily made: `mistakes/` holds them, and beside them the output of
 * TypeScript 5.9 and of the newest. Whoever changes public types sees here what their users will read. The compilers
 * see the declarations in `dist/`, as users do: they must be built.
 *
 * To renew the output, review it as prose, and commit it: `npm run test:renew-mistakes`.
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import t from 'tap'

const folder = join(import.meta.dirname, 'mistakes')
const RENEW = 'npm run test:renew-mistakes'
const isRenewed = process.env['RENEW_MISTAKES'] === '1'
// two compilers, which take a while on a busy machine
t.setTimeout(600_000)

const require = createRequire(import.meta.url)

/** The packages of the compilers, and where their output stands. */
const COMPILERS = [
  ['typescript', 'typescript-5.9.txt', []],
  // on several threads it says the same of a union in one order or another
  ['typescript-newest', 'typescript-newest.txt', ['--singleThreaded']]
] as const

const mistakes = readdirSync(folder).filter((name) => name.endsWith('.ts') && name !== 'app.ts').toSorted()

/** What a compiler prints of a program of all mistakes. */
async function printedBy (compiler: string, flags: readonly string[]): Promise<string> {
  const manifest = require.resolve(`${compiler}/package.json`)
  const bin = join(dirname(manifest), 'lib/tsc.js')
  // without what tap gives to the programs that it starts
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS$|TAP|_TAPJS)/.test(name)))
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, [bin, '--project', folder, '--pretty', 'false', ...flags], { cwd: folder, env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      resolve(error === null || stdout !== '' ? stdout : `${String(error)}\n${stderr}`)
    })
  })
  // a line that is indented goes on with the error above it
  const errors = output.replaceAll('\r\n', '\n').split(/\n(?! )/).map((error) => error.trim())
  return `${errors.filter((error) => error !== '').toSorted().join('\n\n')}\n`
}

/** The mistakes that have an error in an output. */
function namedIn (output: string): string[] {
  return [...new Set([...output.matchAll(/^([\w-]+\.ts)\(/gm)].map(([, name = '']) => name))].toSorted()
}

t.test('there are twenty mistakes, and declarations to make them against', async (t) => {
  t.equal(mistakes.length, 20)
  t.ok(existsSync(join(folder, '../../../dist/index.d.ts')), 'the declarations are built: npm run build')
})

for (const [compiler, file, flags] of COMPILERS) {
  t.test(`${compiler} says of each mistake what was reviewed`, async (t) => {
    const printed = await printedBy(compiler, flags)
    t.strictSame(namedIn(printed), mistakes, 'each mistake is an error, and nothing else is')
    if (isRenewed) writeFileSync(join(folder, file), printed)
    const reviewed = readFileSync(join(folder, file), 'utf8')
    t.equal(printed, reviewed, `dist/ is built from lib/ as it is (npm run build); if this is what should be said: ${RENEW}, then review test/types/mistakes/${file} as prose`)
  })
}

t.test('no output speaks of private members, of iterators, or of an option of the compiler', async (t) => {
  for (const [, file] of COMPILERS) {
    t.notMatch(readFileSync(join(folder, file), 'utf8'), /#private|#plan|Iterat(?:or|ed)|exactOptionalPropertyTypes/, file)
  }
})
