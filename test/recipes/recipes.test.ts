/**
 * The recipes work as they stand: with the packed package, in a strict TypeScript project, in Node, over real sockets.
 */
import { join } from 'node:path'
import t from 'tap'
import type * as Answer from '../../example-app/recipes/answer.ts'
import type * as Notifications from '../../example-app/recipes/notifications.ts'
import type * as Progress from '../../example-app/recipes/progress.ts'
import type * as Proxy from '../../example-app/recipes/proxy.ts'
import type * as Rooms from '../../example-app/recipes/rooms.ts'
import { run } from '../package/packed.ts'
import { answer } from './answer.ts'
import { commonjs } from './commonjs.ts'
import { notifications } from './notifications.ts'
import { progress } from './progress.ts'
import { COMPILERS, makeProject } from './project.ts'
import { proxy } from './proxy.ts'
import { rooms } from './rooms.ts'

// it builds, installs and compiles, each with real tools: half a minute, and much more on a busy machine
t.setTimeout(600_000)

const project = await makeProject(t)

for (const compiler of COMPILERS) {
  t.test(`${compiler} finds nothing wrong with them`, async () => { await project.compile(compiler) })
}

t.test('notifications', async (t) => {
  await notifications(t, await project.load<typeof Notifications>('notifications.js'), await project.sqlite())
})
t.test('rooms', async (t) => { await rooms(t, await project.load<typeof Rooms>('rooms.js')) })
t.test('progress', async (t) => { await progress(t, await project.load<typeof Progress>('progress.js')) })
t.test('answer', async (t) => { await answer(t, await project.load<typeof Answer>('answer.js')) })
t.test('proxy', async (t) => { await proxy(t, project.folder, await project.load<typeof Proxy>('proxy.js')) })
t.test('commonjs', async (t) => { await commonjs(t, project.folder) })

t.test('the tests of an application pass', async (t) => {
  t.match(await run(project.folder, process.execPath, '--test', join(project.folder, 'answer.test.js')), /^# pass 2$/m)
})
