/** What the main thread and the worker thread of a file send to each other. */
import type { Failure } from './failures.ts'
import type { Settings } from './file.ts'
import type { Operation } from './operations.ts'

/** What the worker begins with. */
export interface WorkerData extends Settings {
  readonly file: string
}

/** What the main thread sends. */
export type Question = { readonly id: number, readonly kind: Operation, readonly ask: unknown } | { readonly kind: 'stop' }

/** What the worker thread sends back: an answer or a failure. */
export interface Reply {
  readonly id: number
  readonly answer: unknown
  readonly failure: Failure | undefined
}
