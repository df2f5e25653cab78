/** The matrix as `docs/clients.md` shows it. */

/** A client, with what its user sees by the heads of columns. */
export interface TableRow<Case extends string> {
  readonly client: string
  readonly cells: Readonly<Partial<Record<Case, string>>>
  readonly note?: string
}

/**
 * A table of some cases. Clients that see the same share a line; a client of whom none of the
 * cases can be asked has none.
 */
export function tableOf<Case extends string> (rows: ReadonlyArray<TableRow<Case>>, cases: readonly Case[]): string {
  const lines = new Map<string, string[]>()
  for (const { client, cells } of rows) {
    if (cases.every((name) => cells[name] === undefined)) continue
    const line = cases.map((name) => cells[name] ?? '–').join(' | ')
    lines.set(line, [...lines.get(line) ?? [], client])
  }
  return [
    `| client | ${cases.join(' | ')} |`,
    `|---|${'---|'.repeat(cases.length)}`,
    ...Array.from(lines, ([line, clients]) => `| ${clients.join('; ')} | ${line} |`)
  ].join('\n')
}

/** What is to be said of clients: one item for all that share a note. */
export function notesOf (rows: ReadonlyArray<TableRow<string>>): string {
  const notes = new Map<string, string[]>()
  for (const { client, note } of rows) if (note !== undefined) notes.set(note, [...notes.get(note) ?? [], client])
  return Array.from(notes, ([note, clients]) => `- **${clients.join('; ')}**: ${note}`).join('\n')
}
