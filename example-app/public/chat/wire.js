/**
 * The events as they arrived, one by one, newest first: the stream underneath the conversation.
 */
import { element, timeOfDay } from '/element.js'

/** The newest 60 are shown. */
const SHOWN = 60

const STATES = { open: 'opened', lost: 'connection lost', ended: 'ended' }

/** Writes into the given list. */
export class Wire {
  #list
  #state

  constructor (list) {
    this.#list = list
  }

  /** Adds an event, line by line as it arrived. */
  event ({ type, data, lastEventId }) {
    const lines = [['event', type], ['data', data], ['id', lastEventId]]
    this.#add(type, ...lines.map(([field, value], index) => element('span', {}, element('b', {}, `${index === 0 ? '' : '\n'}${field}: `), value)))
    this.#state = undefined
  }

  /** The line is in another state. */
  state (state) {
    if (state !== this.#state) this.#add(state, `${timeOfDay(new Date())}  ${STATES[state]}`)
    this.#state = state
  }

  #add (type, ...children) {
    this.#list.prepend(element('li', { 'data-type': type }, ...children))
    while (this.#list.children.length > SHOWN) this.#list.lastElementChild.remove()
  }
}
