/**
 * What foreign code may do instead of what it should: the faults, and the function that commits one. It knows neither
 * boundaries
 * nor worlds.
 */

/** A value that throws at whatever is done to it. */
function throwingProxy (): object {
  const refuse = (): never => { throw new Error(`${INJECTED}: the proxy was touched`) }
  const traps = [
    'get',
    'has',
    'getPrototypeOf',
    'ownKeys',
    'getOwnPropertyDescriptor',
    'set',
    'defineProperty',
    'isExtensible'
  ] as const
  return new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, refuse])))
}

/** An error whose own properties throw. */
function throwingError (): Error {
  const refuse = (): never => { throw new Error(`${INJECTED}: a property of the error was read`) }
  return Object.defineProperties(new Error(), {
    message: { get: refuse },
    stack: { get: refuse },
    name: { get: refuse }
  })
}

/** What each error of the injector says. */
export const INJECTED = 'the injector threw'

/** What is thrown, or what a promise is rejected with. */
const THROWN = {
  'an error': () => new Error(INJECTED),
  undefined: () => undefined,
  'a string': () => INJECTED,
  'a frozen object': () => Object.freeze({ code: 42 }),
  'a proxy that throws': throwingProxy,
  'an error that throws': throwingError
} as const

/** What is returned in place of what is expected. */
const WRONG_KINDS = {
  undefined: () => undefined,
  null: () => null,
  'a number': () => 42,
  NaN: () => NaN,
  'a bigint': () => 1n,
  'a string': () => 'text',
  'a text that no header takes': () => 'caf\u20ac\r\n',
  'a symbol': () => Symbol('wrong'),
  'an empty object': () => ({}),
  'an array': () => [undefined],
  'a function': () => () => {},
  'a proxy that throws': throwingProxy,
  'a promise': () => Promise.resolve(true)
} as const

/** How a thenable misbehaves. */
const THENABLES = {
  'that throws in then': () => ({ then: (): never => { throw new Error(INJECTED) } }),
  'that calls back twice': (honest: unknown) => ({
    then (resolve: (value: unknown) => void, reject?: (error: unknown) => void) {
      resolve(honest)
      reject?.(new Error(INJECTED))
      resolve(honest)
    }
  }),
  'that never calls back': () => ({ then () {} }),
  'whose then throws when it is read': () => Object.defineProperty({}, 'then', {
    get (): never { throw new Error(INJECTED) }
  })
} as const

/** What foreign code may call while we call it. */
export const REENTRIES = ['publish', 'kick', 'end', 'close', 'follow', 'unfollow', 'subscribe'] as const
export type Reentry = typeof REENTRIES[number]

/** One fault. */
export type Fault =
  | { readonly does: 'throws', readonly what: keyof typeof THROWN }
  | { readonly does: 'rejects', readonly what: keyof typeof THROWN }
  | { readonly does: 'never settles' }
  | { readonly does: 'returns a thenable', readonly what: keyof typeof THENABLES }
  | { readonly does: 'returns the wrong kind', readonly what: keyof typeof WRONG_KINDS }
  | { readonly does: 're-enters', readonly what: Reentry }

export type FaultKind = Fault['does']

/** Keys of an object of constants, as what they are. */
function namesOf<Names extends string> (of: Readonly<Record<Names, unknown>>): Names[] {
  return Object.keys(of) as Names[] // the keys of a literal are its type's
}

/** All faults. */
export const FAULTS: readonly Fault[] = [
  ...namesOf(THROWN).map((what) => ({ does: 'throws', what }) as const),
  ...namesOf(THROWN).map((what) => ({ does: 'rejects', what }) as const),
  { does: 'never settles' },
  ...namesOf(THENABLES).map((what) => ({ does: 'returns a thenable', what }) as const),
  ...namesOf(WRONG_KINDS).map((what) => ({ does: 'returns the wrong kind', what }) as const),
  ...REENTRIES.map((what) => ({ does: 're-enters', what }) as const)
]

/** When a fault is committed: at the n-th call after it was armed, once or from then on. */
export interface Injection {
  readonly fault: Fault
  /** 1 for the first call. */
  readonly at: number
  readonly isOnce: boolean
}

/** A call at which the fault was committed. */
export interface Committed { readonly stack: string, readonly args: readonly unknown[] }

/** What the injector needs of the world. */
export interface Surroundings {
  /** The name of the stack that runs now. */
  readonly stack: string
  reenter (by: Reentry): void
}

/** Commits one fault: what it has wrapped is honest until it is armed, and again when it is disarmed. */
export class Injector {
  readonly injection: Injection
  readonly committed: Committed[] = []
  #surroundings: Surroundings | undefined
  #calls = 0

  constructor (injection: Injection) {
    this.injection = injection
  }

  arm (surroundings: Surroundings): void { this.#surroundings = surroundings }

  disarm (): void { this.#surroundings = undefined }

  /** A function that does what `honest` does, but for the fault. It may be given where any function is expected. */
  wrap<Args extends unknown[], Result> (honest: (...args: Args) => Result): (...args: Args) => Result {
    const commit = (
      args: Args,
      surroundings: Surroundings,
      run: () => Result
    ): unknown => this.#commit(args, surroundings, run)
    const due = (): Surroundings | undefined => this.#due()
    return function (this: unknown, ...args) {
      const run = (): Result => Reflect.apply(honest, this, args)
      const surroundings = due()
      // the fault is that it is not of this type
      return surroundings === undefined ? run() : commit(args, surroundings, run) as Result
    }
  }

  /** The surroundings, where this call is one at which the fault is committed. */
  #due (): Surroundings | undefined {
    if (this.#surroundings === undefined) return undefined
    const { at, isOnce } = this.injection
    this.#calls++
    return this.#calls === at || (this.#calls > at && !isOnce) ? this.#surroundings : undefined
  }

  #commit (args: readonly unknown[], surroundings: Surroundings, run: () => unknown): unknown {
    const { fault } = this.injection
    this.committed.push({ stack: surroundings.stack, args })
    switch (fault.does) {
      case 'throws': throw THROWN[fault.what]()
      case 'rejects': return Promise.reject(THROWN[fault.what]())
      case 'never settles': return new Promise(() => {})
      case 'returns a thenable': return THENABLES[fault.what](run())
      case 'returns the wrong kind': return WRONG_KINDS[fault.what]()
      case 're-enters':
        // once: what it starts may call it again
        if (this.committed.length === 1) surroundings.reenter(fault.what)
        return run()
    }
  }
}

/** What was thrown, in words, whatever it is. */
export function said (error: unknown): string {
  try {
    return error instanceof Error ? error.stack ?? error.message : String(error)
  } catch {
    return 'what nobody can read'
  }
}

/** A fault, in words. */
export function told ({ fault, at, isOnce }: Injection): string {
  return `${fault.does}${'what' in fault ? ` ${fault.what}` : ''} at call ${at}${isOnce ? '' : ' and all after it'}`
}
