/**
 * A form of control information that an application words by a function: for protocols that have their own words. The
 * function is foreign code: where it fails, its stream goes on in the form for clients that are no `EventSource`.
 */
import { BadEvent, describe } from '../errors.ts'
import { inContext } from '../own-context.ts'
import { isThenable } from '../thenable.ts'
import { CUT, doneControl, namedGap, type Control, type ControlForm, type ErrorControl, type LastWord, type Said } from './control-form.ts'
import { encodeFields } from './encode.ts'
import { checkEvent, checkFields, isEventObject, plainText, type EventFields, type ServerSentEvent } from './event.ts'
import type { Gap } from './protocol.ts'

/**
 * Says a control in the words of a protocol: by an event or several, as a source yields them. `undefined`: a bookmark
 * and the end are not said, an end that is none of the source's own cuts the line, a gap is the named event. An end
 * that has words does not cut the line. Synchronous: a promise counts as a failure.
 *
 * An event may carry the `id` of its control, also that of an end, which begins with `~`: a client that comes back
 * with that gets 204.
 */
export type ControlFunction = (control: Control) => string | ServerSentEvent | ReadonlyArray<string | ServerSentEvent> | undefined

/** Called with what the function has failed with. */
export type ReportControl = (error: unknown, type: Control['type']) => void

/** The form of one stream. */
export class FunctionForm implements ControlForm {
  readonly hasNamedGaps = false
  readonly hasBookmarks = true
  readonly refusesFailures = false
  readonly #word: (control: Control) => unknown
  readonly #report: ReportControl
  /** The types of controls at which the function has failed: each is reported once. */
  readonly #failed = new Set<Control['type']>()

  /** The function runs in the asynchronous context of the caller. */
  constructor (word: ControlFunction, report: ReportControl) {
    this.#word = inContext(word)
    this.#report = report
  }

  bookmark (id: string): Said | undefined {
    return this.#said({ type: 'bookmark', id })
  }

  gap (details: Gap, id: string): Said {
    return this.#said({ type: 'gap', id, ...details }) ?? namedGap(details, id)
  }

  done (lastEventId: string, reason: string | undefined): Said | undefined {
    return this.#said(doneControl(lastEventId, reason))
  }

  error (control: ErrorControl): LastWord {
    const said = this.#said(control)
    return said === undefined ? CUT : { ...said, isCut: false }
  }

  comeBack (): string { return '' }

  /** `undefined` where the function says nothing, or has failed. */
  #said (control: Control): Said | undefined {
    try {
      return encodeAnswer(this.#word(control), 'id' in control ? control.id : undefined)
    } catch (error) {
      if (!this.#failed.has(control.type)) {
        this.#failed.add(control.type)
        this.#report(error, control.type)
      }
      return undefined
    }
  }
}

/** @param ownId the id of the control, which may begin with `~` */
function encodeAnswer (answer: unknown, ownId: string | undefined): Said | undefined {
  if (answer === undefined) return undefined
  if (isThenable(answer)) {
    // nobody else hears of its rejection
    Promise.resolve(answer).catch(() => {})
    throw new BadEvent('the option control must be a function that answers at once, with an event, several, or undefined, not a promise')
  }
  const events: readonly unknown[] = Array.isArray(answer) ? answer : [answer]
  if (events.length === 0) return undefined
  const fields = events.map((event) => fieldsOf(event, ownId))
  return { text: fields.map(encodeFields).join(''), lastEventId: fields.findLast(({ id }) => id !== undefined)?.id }
}

function fieldsOf (event: unknown, ownId: string | undefined): EventFields {
  if (typeof event === 'string') return checkEvent(event)
  if (!isEventObject(event)) throw new BadEvent(`the option control must be a function that returns an event, several, or undefined, not ${describe(event)}`)
  const { data, event: type, id, retry, comment } = event
  if (ownId === undefined || id !== ownId) return checkFields(event, { data, event: type, id, retry, comment }, plainText)
  return { ...checkFields(event, { data, event: type, id: '', retry, comment }, plainText), id: ownId }
}
