/** The claims about logs quote the contract, and leave out no sentence of it that can be tested. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import ts from 'typescript'
import { logClaims } from '../../lib/testing/log.ts'

const FILE = new URL('../../lib/log/contract.ts', import.meta.url)

/** Sentences that no claim can test, by how they begin, and why. */
const UNTESTED: Readonly<Record<string, string>> = {
  'The contract of a log: the history': 'says what a log is',
  'A log stores entries and knows': 'says what a log is',
  'It knows nothing of the streams': 'says what a log is',
  '`fastify-eventfeed/testing/log` tests': 'says what these claims are',
  'The feed compares positions': 'about the feed',
  'Each method may answer at once': 'a freedom',
  'None may block the event loop': 'what blocks is the storage, which the claims do not know',
  'It must answer in any case': 'every claim waits for each answer within a bound',
  'A method fails by throwing or by': 'a freedom',
  'An error of `append` goes to whoever': 'about the feed',
  'An event on its way into a log.': 'says what a draft is',
  'Does not decrease within one process.': 'about the feed',
  'Opaque, and of this process only': 'says what the field is',
  'The log cannot continue from a position.': 'says what a gap is',
  'Where a log begins.': 'says what a beginning is',
  'A log may leave it out: then a stream': 'a freedom',
  'Whether the log can continue from a position.': 'says what is located',
  'Its functions do not throw.': 'about the feed',
  'A tail that has begun.': 'says what a tail is',
  'The history of one feed.': 'says what a log is',
  'The exception is a storage that is lost': 'nobody can say what became of the event',
  'It may give fewer, to bound': 'a freedom',
  'Nobody reads any more when the feed': 'about the feed'
}

const docs = documentation(readFileSync(FILE, 'utf8'))

t.test('each claim quotes the place of the contract that it names', async (t) => {
  for (const { name, contract } of logClaims) {
    for (const [place, words] of Object.entries(contract)) {
      t.ok(words.split(' … ').every((part) => docs.get(place)?.includes(part)), `${name}: ${place}: «${words}»`)
    }
  }
})

t.test('each sentence of the contract has a claim, or a reason why it has none', async (t) => {
  for (const [place, text] of docs) {
    const quoted = logClaims.map(({ contract }) => contract[place] ?? '')
    for (const sentence of sentencesOf(text)) {
      const isQuoted = quoted.some((words) => words.includes(sentence))
      const isExcused = Object.keys(UNTESTED).some((beginning) => sentence.startsWith(beginning))
      t.ok(isQuoted !== isExcused, `${place}: «${sentence}»${isQuoted && isExcused ? ' has both' : ''}`)
    }
  }
})

t.test('each sentence that is excused stands in the contract', async (t) => {
  const sentences = [...docs.values()].flatMap(sentencesOf)
  for (const [beginning, why] of Object.entries(UNTESTED)) {
    t.equal(sentences.filter((sentence) => sentence.startsWith(beginning)).length, 1, `${beginning}: ${why}`)
  }
})

t.test('no two claims have the same name', async (t) => {
  t.equal(new Set(logClaims.map(({ name }) => name)).size, logClaims.length)
})

/** The comments of the contract by place: `the contract`, an interface, or a member of one. */
function documentation (text: string): Map<string, string> {
  const file = ts.createSourceFile('contract.ts', text, ts.ScriptTarget.Latest, true)
  const found = new Map([['the contract', plain(/\/\*\*.*?\*\//s.exec(text)?.[0] ?? '')]])
  const add = (place: string, node: ts.Node): void => {
    const [range] = (ts.getLeadingCommentRanges(text, node.pos) ?? []).slice(-1)
    if (range !== undefined) found.set(place, plain(text.slice(range.pos, range.end)))
  }
  for (const statement of file.statements) {
    if (ts.isTypeAliasDeclaration(statement)) add(statement.name.text, statement)
    if (!ts.isInterfaceDeclaration(statement)) continue
    add(statement.name.text, statement)
    for (const member of statement.members) add(`${statement.name.text}.${member.name?.getText(file) ?? ''}`, member)
  }
  return found
}

/** The text of a comment in one line. */
function plain (comment: string): string {
  return comment.replace(/^\/\*\*|\*\/$/g, '').replace(/^\s*\* ?/gm, '').replace(/\s+/g, ' ').trim()
}

function sentencesOf (text: string): string[] {
  const sentences = text.split(/(?<=[.:]) (?=[A-Z]|- |`[a-z]+\S*` |`fastify|\*\*)/)
  return sentences.map((sentence) => sentence.replace(/^\*\*\w+\.\*\* /, ''))
}
