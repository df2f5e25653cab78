/**
 * What reaches nobody's hands: it would end the process of whoever uses the plugin. Here it is kept, and the process
 * lives.
 */

import { said } from './faults.ts'

const kept: string[] = []

/** Begins to keep uncaught exceptions and unhandled rejections. Returns the function that ends it. */
export function watchUnhandled (): () => void {
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const onRejection = (error: unknown): void => { kept.push(`an unhandled rejection: ${said(error)}`) }
  process.on('unhandledRejection', onRejection)
  process.setUncaughtExceptionCaptureCallback((error) => { kept.push(`an uncaught exception: ${said(error)}`) })
  return () => {
    process.setUncaughtExceptionCaptureCallback(null)
    process.off('unhandledRejection', onRejection)
    for (const other of others) process.on('unhandledRejection', other)
  }
}

/** What was kept since the last call. */
export function unhandledOf (): string[] {
  return kept.splice(0)
}
