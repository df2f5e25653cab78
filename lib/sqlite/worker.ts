/** The worker thread of a file: it carries out what the main thread asks, one after the other, and answers. */
import { parentPort, workerData } from 'node:worker_threads'
import { LogUnusable } from '../errors.ts'
import { failureOf, packed } from './failures.ts'
import { openFile, subjectOf, type OpenStore } from './file.ts'
import type { Question, Reply, WorkerData } from './messages.ts'

// the only one who starts this worker is worker-engine.ts
const { file, ...settings } = workerData as WorkerData
const subject = subjectOf(file)
let opened: OpenStore | undefined
/** Why there is no store. */
let failure: Error = new LogUnusable(`${subject} is not open`)

parentPort?.on('message', (question: Question) => {
  if (question.kind === 'stop') return stop()
  parentPort?.postMessage(replyTo(question))
})

function replyTo ({ id, kind, ask }: Exclude<Question, { kind: 'stop' }>): Reply {
  try {
    return { id, answer: answerTo(kind, ask), failure: undefined }
  } catch (error) {
    return { id, answer: undefined, failure: packed(failureOf(error, subject)) }
  }
}

function answerTo (kind: Exclude<Question['kind'], 'stop'>, ask: unknown): unknown {
  if (kind === 'start') {
    opened = start()
    return null
  }
  if (opened === undefined) throw failure
  // each question has the form that its operation asks for: the types of Engine.ask say so
  const perform = opened.store[kind].bind(opened.store) as (ask: unknown) => unknown
  return perform(ask)
}

function start (): OpenStore {
  try {
    return openFile(file, settings)
  } catch (error) {
    // what was asked meanwhile fails for the same reason
    failure = failureOf(error, subject)
    throw failure
  }
}

/** Closes the database: then nothing keeps this thread alive. */
function stop (): void {
  try {
    opened?.close()
  } catch { /* what was committed is safe: the next opening finds it in the write-ahead log */ }
  parentPort?.close()
}
