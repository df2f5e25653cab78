import t, { type Test } from 'tap'
import { curl, Program } from './programs.ts'

const missing = new Program('no-such-program', 'some-package')

/** Sets a variable of the environment until the test ends. */
function setEnvironment (t: Test, name: string, value: string | undefined): void {
  const before = process.env[name]
  const set = (to: string | undefined) => { if (to === undefined) delete process.env[name]; else process.env[name] = to }
  t.teardown(() => set(before))
  set(value)
}

t.test('without CI, a test whose program is missing is skipped and says which package to install', async (t) => {
  setEnvironment(t, 'CI', undefined)
  t.equal(missing.skip, 'no-such-program is missing: install the Debian package "some-package"')
})

t.test('with CI=true, a test whose program is missing runs, and fails with the package to install', async (t) => {
  setEnvironment(t, 'CI', 'true')
  t.equal(missing.skip, false)
  t.throws(() => missing.path, { message: 'no-such-program is missing: install the Debian package "some-package"' })
})

t.test('a program that is there is found, and its tests are not skipped', { skip: curl.skip }, async (t) => {
  t.match(curl.path, /\/curl$/)
  t.equal(curl.skip, false)
})
