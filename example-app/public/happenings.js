/**
 * What happens to a page's line: the word for its state in the bar, a log of what changed, and the button that cuts it.
 */
import { element, seconds, timeOfDay } from '/element.js'

/** The log shows the newest 50 happenings. */
const LOG_LENGTH = 50

const WORDS = {
  connecting: 'Connecting',
  open: 'Opened',
  lost: 'Connection lost, reconnecting',
  ended: 'Ended'
}

const byId = (id) => document.getElementById(id)

/** Writes into the elements `state` and `log` of the page. */
export class Happenings {
  #shown

  /** The line is in that state now. True where it was in another. */
  state (state, awayMs) {
    if (state === this.#shown) return false
    this.#shown = state
    document.documentElement.dataset.line = state
    byId('state').dataset.state = state
    byId('state').textContent = WORDS[state]
    if (state === 'open') this.note('open', awayMs === undefined ? 'Opened.' : `Opened again, ${seconds(awayMs)} later.`)
    if (state === 'lost') this.note('lost', 'Connection lost. The browser reconnects.')
    if (state === 'ended') this.note('lost', 'Ended. The browser will not reconnect.')
    return true
  }

  /** Writes a line into the log. */
  note (kind, text) {
    const log = byId('log')
    log.prepend(element('li', { 'data-kind': kind }, element('time', {}, timeOfDay(new Date())), element('span', {}, text)))
    while (log.children.length > LOG_LENGTH) log.lastChild.remove()
  }

  /** Lets the button `cut` cut that line. */
  listenToCut (line) {
    byId('cut').addEventListener('click', async () => {
      try {
        await line.cut()
        this.note('cut', 'The server destroyed the socket.')
      } catch (error) {
        this.note('cut', error.message)
      }
    })
  }
}
