/** A language model that says what a test lets it say, for the AI SDK: see `LanguageModelV3` of `@ai-sdk/provider`. */
type Line = { readonly word: string } | { readonly error: Error } | 'finish'

/** What a model reports when it has finished. */
const FINISH = {
  type: 'finish',
  finishReason: { unified: 'stop', raw: undefined },
  usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } }
}

/** One script, for one answer after the other. What is said earlier than an answer begins waits for it. */
export class ScriptedModel {
  readonly specificationVersion = 'v3'
  readonly provider = 'test'
  readonly modelId = 'scripted'
  readonly supportedUrls = {}
  readonly #script: Line[] = []
  readonly #onAbort: () => void
  #wake = () => {}

  /** Tells when an answer is aborted. */
  constructor (onAbort = () => {}) { this.#onAbort = onAbort }

  /** The answer that is under way, or the next one, says this. */
  say (word: string): void { this.#add({ word }) }

  finish (): void { this.#add('finish') }

  fail (): void { this.#add({ error: new Error('the model has failed') }) }

  doGenerate (): never { throw new Error('not used') }

  async doStream ({ abortSignal }: { abortSignal?: AbortSignal }) {
    return { stream: ReadableStream.from(this.#answer(abortSignal)) }
  }

  async * #answer (signal: AbortSignal | undefined) {
    signal?.addEventListener('abort', () => {
      this.#onAbort()
      this.#wake()
    }, { once: true })
    yield { type: 'stream-start', warnings: [] }
    yield { type: 'text-start', id: '0' }
    for (;;) {
      signal?.throwIfAborted()
      const line = this.#script.shift()
      if (line === undefined) {
        await new Promise<void>((resolve) => { this.#wake = resolve })
      } else if (line === 'finish') {
        break
      } else if ('error' in line) {
        throw line.error
      } else {
        yield { type: 'text-delta', id: '0', delta: line.word }
      }
    }
    yield { type: 'text-end', id: '0' }
    yield FINISH
  }

  #add (line: Line): void {
    this.#script.push(line)
    this.#wake()
  }
}
