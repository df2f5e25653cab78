/**
 * Members that are nearly always none or one, and may be thousands all the same. An empty `Set` takes 150 bytes, and
 * there are several for each of very many feeds. It does not know what its members are.
 */

/** What holds none. Nothing is put there. */
const NOBODY: readonly never[] = []

/** None, one or many, each once. */
export class Few<Member extends object> {
  /** An array of none or one; a set since there were more, until there is none. */
  #members: readonly Member[] | Set<Member> = NOBODY

  /**
   * All of them. Members may come and go in a loop over it: one that has gone and was not visited is not, and one that
   * comes may be or not.
   */
  get all (): Iterable<Member> { return this.#members }

  get size (): number { return this.#members instanceof Set ? this.#members.size : this.#members.length }

  add (member: Member): void {
    if (this.#members instanceof Set) this.#members.add(member)
    else if (this.#members.length === 0) this.#members = [member]
    else if (this.#members[0] !== member) this.#members = new Set([...this.#members, member])
  }

  /** Returns false for one that is not here. */
  delete (member: Member): boolean {
    const members = this.#members
    if (members instanceof Set) {
      const wasHere = members.delete(member)
      if (members.size === 0) this.#members = NOBODY
      return wasHere
    }
    if (members[0] !== member) return false
    this.#members = NOBODY
    return true
  }
}
