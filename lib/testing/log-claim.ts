/**
 * A claim: one promise of the contract, as a function that fails where a log breaks it. It needs no test framework: a
 * claim that holds returns, and one that does not throws.
 */
import { BadOption, LogClaimFailed, asError } from '../errors.ts'
import { Broken } from './broken.ts'
import { Probe } from './log-probe.ts'
import type { LogAbility, LogUnderTest } from './log-under-test.ts'

/** One promise that every log makes. */
export interface LogClaim {
  /** What is claimed, as a sentence: the title of its test. */
  readonly name: string
  /** Where the contract says so: the place, such as `EventLog.append`, and its words. */
  readonly contract: Readonly<Record<string, string>>
  /** What a log under test must offer so that this can be tested. */
  readonly needs: readonly LogAbility[]
  /** Why the claim cannot be tested with this log; `false` where it can. Fit for the `skip` of a test. */
  notApplicable (under: LogUnderTest): string | false
  /**
   * Tests a log, and closes all that it has made.
   *
   * @throws FST_EVENTFEED_LOG_CLAIM where the log breaks the promise: the message says what was promised, what came,
   *   and where the contract says so
   * @throws FST_EVENTFEED_BAD_OPTION where the claim is not applicable
   */
  run (under: LogUnderTest): Promise<void>
}

/** What a claim does with a log. It throws `Broken` where the log does not do what was promised. */
export type Trial = (probe: Probe) => Promise<void>

/** Makes a claim. */
export function claim (
  name: string, contract: LogClaim['contract'], needs: readonly LogAbility[], trial: Trial
): LogClaim {
  const notApplicable = (under: LogUnderTest): string | false => {
    const missing = needs.filter((ability) => !hasAbility(under, ability))
    return missing.length > 0 && `not applicable: the log under test does not offer ${missing.join(' and ')}`
  }
  return {
    name,
    contract,
    needs,
    notApplicable,
    async run (under) {
      const reason = notApplicable(under)
      if (reason !== false) throw new BadOption(`the claim «${name}» is ${reason}`)
      const probe = new Probe(under)
      // a list, because what is thrown may be undefined
      const failures: unknown[] = []
      try {
        await trial(probe)
        probe.check()
      } catch (error) {
        failures.push(error)
      }
      failures.push(...await probe.end())
      if (failures.length > 0) throw failed(name, contract, failures[0])
    }
  }
}

function hasAbility (under: LogUnderTest, ability: LogAbility): boolean {
  const { bounds = ['bytes', 'ageMs'] } = under
  if (ability === 'retain.bytes') return bounds.includes('bytes')
  return ability === 'retain.ageMs' ? bounds.includes('ageMs') : under[ability] !== undefined
}

function failed (name: string, contract: LogClaim['contract'], failure: unknown): Error {
  const error = asError(failure, 'the log failed')
  const [promised, came] = error instanceof Broken
    ? [error.promised, error.came]
    : ['that no call fails here', `${error.name}: ${error.message}`]
  const places = Object.entries(contract).map(([place, words]) => `${place}: «${words}»`)
  const lines = [
    `a log breaks its contract: ${name}`, `promised: ${promised}`, `what came: ${came}`,
    `contract: ${places.join('\n    ')}`
  ]
  return new LogClaimFailed(lines.join('\n  '), { cause: error })
}
