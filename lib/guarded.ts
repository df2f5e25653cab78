/**
 * Loops over many (streams, deadlines, feeds) in which one that throws must not stop the rest. What it throws is
 * nobody's to catch: it is reported.
 */

/** Takes what was thrown: it belongs into the application's log. */
export type Report = (error: unknown) => void

/** Calls `run`. What it throws is reported. */
export function guarded (run: () => void, report: Report): void {
  try {
    run()
  } catch (error) {
    reportSafely(error, report)
  }
}

/** Calls `run` for each item, also when it throws for some. For items that come and go meanwhile, give a copy. */
export function guardedEach<Item> (items: Iterable<Item>, run: (item: Item) => void, report: Report): void {
  for (const item of items) {
    try {
      run(item)
    } catch (error) {
      reportSafely(error, report)
    }
  }
}

/** Reports. A logger that throws is left alone: there is nobody else to report to. */
export function reportSafely (error: unknown, report: Report): void {
  try {
    report(error)
  } catch {}
}

/** What should be no promise, and may be one all the same: what it is rejected with must not end the process. */
export function heard<Answer> (answer: Answer): Answer {
  if (answer instanceof Promise) answer.catch(() => {})
  return answer
}
