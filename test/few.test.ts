/** Members that are nearly always none or one: they behave as a set does. */
import t from 'tap'
import { Few } from '../lib/few.ts'

t.test('few members are those of a set, whatever comes and goes', async (t) => {
  const members = [{ id: 0 }, { id: 1 }, { id: 2 }]
  for (let script = 0; script < 4 ** 6; script++) {
    const few = new Few<object>()
    const set = new Set<object>()
    const wrongs: string[] = []
    for (let step = 0, rest = script; step < 6; step++, rest = Math.floor(rest / 4)) {
      const member = members[rest % 3] ?? {}
      if (rest % 4 < 3) {
        few.add(member)
        set.add(member)
      } else if (few.delete(members[step % 3] ?? {}) !== set.delete(members[step % 3] ?? {})) {
        wrongs.push(`step ${step} deletes another`)
      }
      if (few.size !== set.size || [...few.all].some((one) => !set.has(one)) || [...few.all].length !== set.size) wrongs.push(`step ${step}`)
    }
    if (wrongs.length > 0) t.fail(`script ${script}: ${wrongs.join()}`)
  }
})

t.test('who leaves in a loop over few is not visited any more', async (t) => {
  for (const count of [1, 2, 3]) {
    const few = new Few<{ id: number }>()
    const members = Array.from({ length: count }, (_, id) => ({ id }))
    for (const member of members) few.add(member)
    const visited: number[] = []
    for (const { id } of few.all) {
      visited.push(id)
      for (const member of members) few.delete(member)
    }
    t.strictSame(visited, [0], `of ${count}`)
    t.equal(few.size, 0)
  }
})
