/** Rosters behave as sets do, also while they are walked over. */
import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { Roster, type RosterMember } from '../lib/roster.ts'

const MOST = 12

class Member implements RosterMember {
  rosterPlace = -1
}

const step = fc.record({ does: fc.constantFrom('add', 'delete', 'walk'), which: fc.nat(MOST - 1), meanwhile: fc.array(fc.nat(MOST - 1), { maxLength: 4 }) })

t.test('whatever comes and goes, it holds what a Set holds', async () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const members = Array.from({ length: MOST }, () => new Member())
    const roster = new Roster<Member>()
    const set = new Set<Member>()
    for (const { does, which } of steps) {
      const member = members[which]
      assert(member !== undefined)
      if (does === 'add') {
        roster.add(member)
        set.add(member)
      } else {
        assert.equal(roster.delete(member), set.delete(member))
      }
      assert.equal(roster.size, set.size)
      assert.deepEqual(new Set(roster), set)
      assert.deepEqual(members.filter((one) => roster.has(one)), members.filter((one) => set.has(one)))
      assert.ok(members.every((one) => (one.rosterPlace === -1) === !set.has(one)))
    }
  }))
})

t.test('a walk visits each who stays once, and nobody who has left', async () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
    const members = Array.from({ length: MOST }, () => new Member())
    const roster = new Roster<Member>()
    for (const member of members) roster.add(member)
    const visited: Member[] = []
    const everLeft = new Set<Member>()
    for (const member of roster) {
      assert.ok(roster.has(member))
      visited.push(member)
      const { does, which, meanwhile } = steps[visited.length % Math.max(1, steps.length)] ?? { does: 'walk', which: 0, meanwhile: [] }
      for (const index of [which, ...meanwhile]) {
        const other = members[index]
        assert(other !== undefined)
        if (does === 'add') roster.add(other)
        else if (does === 'delete' && roster.delete(other)) everLeft.add(other)
      }
    }
    for (const member of members) if (!everLeft.has(member)) assert.equal(visited.filter((one) => one === member).length, 1)
  }))
})

t.test('a member that stands elsewhere is not taken from there', async (t) => {
  const [here, there] = [new Roster<Member>(), new Roster<Member>()]
  const [one, other] = [new Member(), new Member()]
  here.add(one)
  there.add(other)
  t.equal(there.delete(one), false)
  t.strictSame([[...here], [...there]], [[one], [other]])
})
