/**
 * Who is there: thousands of members that come and go. A `Set` or a `Map` would do, but each time it grows or is
 * tidied it leaves an old table behind, which keeps all who were in it until a full garbage collection: then an ended
 * stream with all it holds is copied twice. An array keeps nobody. It does not know what its members are.
 */

/** Somebody who stands in one roster at most. */
export interface RosterMember {
  /** Where it stands; -1 where it does not. Kept by its roster alone. */
  rosterPlace: number
}

/** An array from which each member can leave at once, because it knows its place. It keeps no order. */
export class Roster<Member extends RosterMember> {
  readonly #members: Member[] = []

  /** How many stand there. */
  get size (): number { return this.#members.length }

  /** Adds one that stands in no roster; does nothing for one that stands here. */
  add (member: Member): void {
    if (this.has(member)) return
    member.rosterPlace = this.#members.length
    this.#members.push(member)
  }

  has (member: Member): boolean {
    return this.#members[member.rosterPlace] === member
  }

  /** Returns false for one that does not stand here. */
  delete (member: Member): boolean {
    const members = this.#members
    if (!this.has(member)) return false
    const last = members.pop()
    if (last !== undefined && last !== member) {
      members[member.rosterPlace] = last
      last.rosterPlace = member.rosterPlace
    }
    member.rosterPlace = -1
    return true
  }

  /**
   * Those who stand there when the loop begins, each once. Members may leave and come meanwhile: who has left is not
   * visited.
   */
  * [Symbol.iterator] (): Generator<Member, void, undefined> {
    for (const member of [...this.#members]) if (this.has(member)) yield member
  }
}
