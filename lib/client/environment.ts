/**
 * What surrounds a client: the time, and what a page learns about itself and its network. Outside of a page there is
 * the time only.
 */

/** The time, injectable: tests move it by hand. */
export interface ClientClock {
  /** The time now, in milliseconds since the Unix epoch. */
  now (): number
  /** Calls `run` once, after `delayMs` milliseconds (2^31 − 1 at most). Returns a function that cancels it. */
  after (delayMs: number, run: () => void): () => void
}

/**
 * What a page learns: it has a network again; it may be kept aside, and is shown again; it is visible, or thawed, or
 * back in some other way, so that timers may be late.
 */
export type PageSignal = 'online' | 'hidden-away' | 'back' | 'awake'

/** What the client needs of a page. */
export interface Surroundings {
  isOffline (): boolean
  /** Returns a function that stops listening. */
  listen (listener: (signal: PageSignal) => void): () => void
}

/** The machine's own clock. In Node its timers keep the process alive: who waits for events wants to get them. */
export const systemClock: ClientClock = {
  now: () => Date.now(),
  after (delayMs, run) {
    const timer = setTimeout(run, delayMs)
    return () => { clearTimeout(timer) }
  }
}

/** As much of a page's globals as is looked at; in Node there are none of them. */
interface Target {
  addEventListener? (name: string, listener: (event: { persisted?: boolean }) => void): void
  removeEventListener? (name: string, listener: (event: { persisted?: boolean }) => void): void
}
interface PageGlobals extends Target {
  readonly navigator?: { readonly onLine?: boolean }
  readonly document?: Target & { readonly visibilityState?: string }
}

/** What this page learns, by the events of its window and its document. */
export const thisPage: Surroundings = {
  isOffline: () => globals().navigator?.onLine === false,
  listen (listener) {
    const window = globals()
    const { document } = window
    const heard: Array<[Target | undefined, string, (event: { persisted?: boolean }) => void]> = [
      [window, 'online', () => { listener('online') }],
      // a page that is not kept ends by itself; one that is kept may not hold a connection
      [window, 'pagehide', ({ persisted }) => { if (persisted === true) listener('hidden-away') }],
      [window, 'pageshow', ({ persisted }) => { if (persisted === true) listener('back') }],
      [document, 'resume', () => { listener('awake') }],
      [document, 'visibilitychange', () => { if (document?.visibilityState === 'visible') listener('awake') }]
    ]
    for (const [target, name, run] of heard) target?.addEventListener?.(name, run)
    return () => { for (const [target, name, run] of heard) target?.removeEventListener?.(name, run) }
  }
}

/** The globals are those of a page, of a worker or of Node: all properties above may be missing. */
function globals (): PageGlobals {
  return globalThis as PageGlobals
}
