/** Faults of what is stored, on the log that answers at once. */
import type { Located, LogBeginning, LogDraft, LogGap, LogPage } from '../../lib/log/contract.ts'
import type { Added, Newest, Row } from './faulty-row.ts'
import { History, numberIn, type Stored } from './history.ts'

export const faultyHistories: ReadonlyArray<Row<typeof History>> = [
  ['has an equals sign in its positions', ['a position is fit for an event ID'], class extends History {
    override positionOf (number: number): string { return `${this.epoch}=${number}` }
  }],
  ['has positions that are too long', ['a position is fit for an event ID'], class extends History {
    override positionOf (number: number): string { return `${this.epoch}-${'0'.repeat(150)}${number}` }
  }],
  ['gives each position twice', [
    'no two entries have the same position',
    'append answers the position of the entry that it added'
  ], class extends History {
    override positionOf (number: number): string { return super.positionOf(Math.ceil(number / 2)) }
  }],
  ['mixes epochs: all logs have the same', [
    'two logs have no position in common',
    'a position of another log is of another epoch'
  ], class extends History {
    override epoch = '0000000000'
  }],
  ['mixes epochs: it does not look at that of a position', [
    'a position of another log is of another epoch'
  ], class extends History {
    override locate (position: string): Located {
      return super.locate(position.replace(/^[0-9a-f]{10}-/, `${this.epoch}-`))
    }
  }],
  ['loses every fifth entry', [
    'append answers the position of the entry that it added',
    'calls may be made while others are under way'
  ], class extends History {
    override add (draft: LogDraft): Added {
      const added = super.add(draft)
      if (added.entry.number % 5 === 0) this.entries.pop()
      return added
    }
  }],
  ['writes the data again', ['an entry is what was given'], class extends History {
    override add (draft: LogDraft): Added {
      return super.add({ ...draft, json: JSON.stringify(JSON.parse(draft.json)) })
    }
  }],
  ['sorts the keys', ['an entry is what was given'], class extends History {
    override add (draft: LogDraft): Added { return super.add({ ...draft, keys: draft.keys.toSorted() }) }
  }],
  ['stores seconds', ['an entry is what was given'], class extends History {
    override add (draft: LogDraft): Added { return super.add({ ...draft, at: Math.round(draft.at / 1000) * 1000 }) }
  }],
  ['has forgotten what dedupeId is', [
    'an event with the dedupeId of one that is kept is not added again'
  ], class extends History {
    override known (): undefined {}
  }],
  ['compares the dedupeId with that of the newest entry only', [
    'an event with the dedupeId of one that is on its way is not added again'
  ], class extends History {
    override known (dedupeId: string | undefined): Stored | undefined {
      const newest = this.entries.at(-1)
      return dedupeId !== undefined && newest?.dedupeId === dedupeId ? newest : undefined
    }
  }],
  ['takes an empty dedupeId for none', ['any text is a dedupeId, and differs from any other'], class extends History {
    override known (dedupeId: string | undefined): Stored | undefined {
      return dedupeId === '' ? undefined : super.known(dedupeId)
    }
  }],
  ['does not tell capitals in a dedupeId', [
    'any text is a dedupeId, and differs from any other'
  ], class extends History {
    override known (dedupeId: string | undefined): Stored | undefined {
      return dedupeId === undefined
        ? undefined
        : this.entries.find((entry) => entry.dedupeId?.toLowerCase() === dedupeId.toLowerCase())
    }
  }],
  ['adds equal events once, without a dedupeId too', [
    'events without a dedupeId are added in any case'
  ], class extends History {
    override add (draft: LogDraft): Added { return super.add({ ...draft, dedupeId: draft.dedupeId ?? draft.json }) }
  }],
  ['never forgets a dedupeId', ['a dedupeId is free when its entry is not kept any more'], class extends History {
    readonly #all = new Map<string, Stored>()
    override add (draft: LogDraft): Added {
      const added = super.add(draft)
      if (draft.dedupeId !== undefined) this.#all.set(draft.dedupeId, added.entry)
      return added
    }

    override known (dedupeId: string | undefined): Stored | undefined { return this.#all.get(dedupeId ?? '') }
  }],
  ['lies about the head: it is ahead', [
    'the head is found, whatever was appended',
    'an empty log begins at its head'
  ], class extends History {
    override locate (position: string): Located {
      const located = super.locate(position)
      return located.kind === 'found' && numberIn(position) === this.head ? this.gap('ahead') : located
    }
  }],
  ['lies about the head: anything newer is found', [
    'a position that is newer than the newest is ahead'
  ], class extends History {
    override locate (position: string): Located {
      const located = super.locate(position)
      return located.kind === 'gap' && located.reason === 'ahead' ? { kind: 'found' } : located
    }
  }],
  ['takes what is ahead for another epoch', [
    'a position that is newer than the newest is ahead'
  ], class extends History {
    override locate (position: string): Located {
      const located = super.locate(position)
      return located.kind === 'gap' && located.reason === 'ahead' ? this.gap('epoch') : located
    }
  }],
  ['goes on in silence where entries have left', [
    'a position whose next entry has left is trimmed, one later is found',
    'a page after a position that the log cannot continue from is a gap'
  ], class extends History {
    override locate (position: string): Located {
      const located = super.locate(position)
      return located.kind === 'gap' && located.reason === 'trimmed' ? { kind: 'found' } : located
    }
  }],
  ['has a gap just before its oldest entry, where none is', [
    'a position whose next entry has left is trimmed, one later is found',
    'a log begins at its oldest entry'
  ], class extends History {
    override locate (position: string): Located {
      const located = super.locate(position)
      return located.kind === 'found' && numberIn(position) < (this.entries[0]?.number ?? 0)
        ? this.gap('trimmed')
        : located
    }
  }],
  ['names itself an oldest entry where there is none', ['an empty log begins at its head'], class extends History {
    override earliest (): LogBeginning {
      return { ...super.earliest(), oldest: this.entries[0]?.position ?? this.positionOf(this.head) }
    }
  }],
  ['says that its beginning was dropped, though it was not', [
    'a log that says whether its beginning was dropped says it from the first entry that was'
  ], class extends History {
    override earliest (): LogBeginning { return { ...super.earliest(), isTrimmed: true } }
  }],
  ['begins after its oldest entry', [
    'a log begins at its oldest entry',
    'every position that is kept goes on at the entry after it'
  ], class extends History {
    override earliest (): LogBeginning {
      const { oldest, before } = super.earliest()
      return { oldest, before: oldest ?? before }
    }

    override locate (position: string): Located {
      return numberIn(position) === 0 ? this.gap('trimmed') : super.locate(position)
    }
  }],
  ['reads a position as loosely as it can', ['text that a client has made up is never found'], class extends History {
    override locate (position: string): Located {
      const number = parseInt(position.slice(11), 10)
      return position.startsWith(this.epoch) && number <= this.head
        ? super.locate(this.positionOf(number))
        : super.locate(position)
    }
  }],
  ['fails at text that is no position', ['text that is no position is malformed'], class extends History {
    override locate (position: string): Located {
      if (position.length > 1000) throw new RangeError('the position is too long')
      return super.locate(position)
    }
  }],
  ['calls all that it does not know another epoch', ['text that is no position is malformed'], class extends History {
    override locate (position: string): Located {
      const located = super.locate(position)
      return located.kind === 'gap' && located.reason === 'malformed' ? this.gap('epoch') : located
    }
  }],
  ['has holes between its pages', [
    'pages lead from the oldest entry to the head, without a hole',
    'pages lead through a long history'
  ], class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      const number = numberIn(after)
      const next = this.positionOf(number + 1)
      return number > 0 && number < this.head
        ? super.page(number % 2 === 0 ? next : after, limit)
        : super.page(after, limit)
    }
  }],
  ['gives the entry of the position itself again', [
    'every position that is kept goes on at the entry after it',
    'pages lead from the oldest entry to the head, without a hole'
  ], class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      const own = this.entries.find(({ position }) => position === after)
      const page = super.page(after, limit)
      return page.kind === 'page' && own !== undefined
        ? { ...page, entries: [own, ...page.entries].slice(0, limit) }
        : page
    }
  }],
  ['gives more entries than were asked for', ['a page has no more entries than were asked for'], class extends History {
    override page (after: string, limit: number): LogPage | LogGap { return super.page(after, limit + 1) }
  }],
  ['gives the newest entries of a page first', [
    'pages lead from the oldest entry to the head, without a hole',
    'a page has no more entries than were asked for'
  ], class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      const page = super.page(after, limit)
      return page.kind === 'page' ? { ...page, entries: page.entries.toReversed() } : page
    }
  }],
  ['gives empty pages', [
    'a page is empty at the head, and nowhere else',
    'pages lead from the oldest entry to the head, without a hole'
  ], class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      return super.page(after, numberIn(after) % 3 === 2 ? 0 : limit)
    }
  }],
  ['has a gap at its head', [
    'a page is empty at the head, and nowhere else',
    'a page after the head of an empty log is empty'
  ], class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      return numberIn(after) === this.head ? this.gap('ahead') : super.page(after, limit)
    }
  }],
  ['gives a page where locate finds a gap', [
    'a page after a position that the log cannot continue from is a gap'
  ], class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      const page = super.page(after, limit)
      return page.kind === 'gap' ? super.page(this.earliest().before, limit) : page
    }
  }],
  ['keeps one entry more than it says', ['by count: as many entries stay as the bound says'], class extends History {
    override trim (): void {
      const oldest = this.entries[0]
      super.trim()
      const hasLeft = oldest !== undefined && this.entries[0]?.number === oldest.number + 1
      if (hasLeft && this.entries.length === this.retain.entries) this.entries.unshift(oldest)
    }
  }],
  ['keeps one entry fewer than it says', ['by count: as many entries stay as the bound says'], class extends History {
    override trim (): void {
      if (this.entries.length > 1 && this.entries.length === this.retain.entries) this.entries.shift()
      super.trim()
    }
  }],
  ['counts characters for bytes', ['by bytes: as much stays as the bound says'], class extends History {
    override sizeOf ({ json }: Stored): number { return json.length }
  }],
  ['keeps half of its bytes free', ['by bytes: as much stays as the bound says'], class extends History {
    override sizeOf (entry: Stored): number { return 2 * super.sizeOf(entry) }
  }],
  ['keeps nothing that is larger than its bound', [
    'by bytes: the newest entry stays, however large it is'
  ], class extends History {
    override trim (): void {
      super.trim()
      if (this.bytes > (this.retain.bytes ?? Infinity)) this.entries = []
    }
  }],
  ['drops entries a moment too early', [
    'by age: an entry that is exactly so old stays, one that is older leaves'
  ], class extends History {
    override trim (): void {
      const { ageMs = Infinity } = this.retain
      while (this.entries[0] !== undefined && this.clock.now() - this.entries[0].at >= ageMs) this.entries.shift()
      super.trim()
    }
  }],
  ['looks at ages when it adds an entry only', [
    'by age: an entry that is exactly so old stays, one that is older leaves'
  ], class extends History {
    #isAdding = false
    override add (draft: LogDraft): Added {
      this.#isAdding = true
      const added = super.add(draft)
      this.#isAdding = false
      return added
    }

    override trim (): void { if (this.#isAdding) super.trim() }
  }],
  ['tells more entries first than it was asked for', [
    'a tail is told the newest entries that are kept before it answers',
    'a tail that asks for no entries begins at the head'
  ], class extends History {
    override newest (most: Newest): Stored[] {
      return super.newest({ ...most, entries: most.entries + 1, bytes: Infinity })
    }
  }],
  ['tells the oldest entries first, not the newest', [
    'a tail is told the newest entries that are kept before it answers'
  ], class extends History {
    override newest (most: Newest): Stored[] { return this.entries.slice(0, super.newest(most).length) }
  }],
  ['tells more bytes first than it was asked for', [
    'a tail is told no more bytes first than it asked for'
  ], class extends History {
    override newest (most: Newest): Stored[] {
      const newest = super.newest(most)
      return newest.length > 0 ? newest : super.newest({ entries: Math.min(1, most.entries), bytes: Infinity })
    }
  }]
]
