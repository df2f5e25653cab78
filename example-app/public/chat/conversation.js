/**
 * The conversation: messages in the order in which they arrived, and marks where the line was cut. It neither sorts nor looks
 * for duplicates: the server promises that each message arrives once and in order.
 */
import { element, icon, seconds, timeOfDay } from '/element.js'
import { avatar } from './avatar.js'

/** The page keeps the newest 1,000 messages and marks, so that it can stay open for days. */
const KEPT = 1_000

/** Within this many pixels of its end the conversation counts as read to the end. */
const AT_END = 48

const GAP_WORDS = {
  trimmed: 'the server no longer has the messages that this page missed',
  epoch: 'the server was restarted and has lost all earlier messages',
  malformed: 'the server does not recognise where this page stopped',
  ahead: 'the server does not recognise where this page stopped',
  lagged: 'this page fell too far behind',
  failed: 'the server could not prepare one message'
}

const byId = (id) => document.getElementById(id)

/** The conversation as `user` sees it. */
export class Conversation {
  #user
  #list = byId('messages')
  #scroller = byId('scroller')
  #followed = true
  #newer = 0

  constructor (user) {
    this.#user = user
    this.#scroller.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#scroller
      this.#followed = scrollHeight - scrollTop - clientHeight <= AT_END
      if (this.#followed) this.#showNewer(0)
    })
    // A keyboard that opens, or a longer draft, makes the conversation lower; what was at its end stays there.
    new window.ResizeObserver(() => { if (this.#followed) this.#toEnd() }).observe(this.#scroller)
    byId('to-newest').addEventListener('click', () => this.#toEnd())
  }

  /** Adds a message, simple or detailed. */
  add (message) {
    const previous = this.#list.lastElementChild
    const item = element('li', {
      class: [message.from === this.#user && 'own', previous?.dataset.from === message.from && 'follows'].filter(Boolean).join(' ') || undefined,
      'data-from': message.from,
      'data-id': message.id
    }, avatar(message.from), element('span', { class: 'author' }, message.from), element('p', { class: 'text' }, message.text), facts(message))
    byId('empty').hidden = true
    this.#append(item)
  }

  /** Marks where the stream continued after a reconnect. */
  markResumed (awayMs, position) {
    this.#mark('resumed', 'i-splice', element('strong', {}, `Line lost for ${seconds(awayMs)}.`), ' Resumed after ', element('code', {}, position), ': nothing missed, nothing twice.')
  }

  /** Marks where events are missing. */
  markGap ({ reason }) {
    this.#mark('gap', 'i-gap', element('strong', {}, 'Something is missing here: '), `${GAP_WORDS[reason] ?? reason}.`)
  }

  /** Marks where another setting begins to apply. */
  markChanged ({ friends, format }) {
    this.#mark('changed', 'i-settings', `From here on: ${friends ? 'friends only' : 'everybody'}, ${format}.`)
  }

  /** Shows the last event ID, which is how far this page has read. */
  showPosition (lastEventId) {
    byId('position').textContent = lastEventId
  }

  #mark (kind, drawing, ...words) {
    this.#append(element('li', { 'data-mark': kind }, icon(drawing), element('p', {}, ...words)))
  }

  #append (item) {
    this.#list.append(item)
    while (this.#list.children.length > KEPT) this.#list.firstElementChild.remove()
    if (this.#followed) this.#toEnd()
    else this.#showNewer(this.#newer + 1)
  }

  #toEnd () {
    this.#scroller.scrollTop = this.#scroller.scrollHeight
  }

  #showNewer (count) {
    this.#newer = count
    byId('to-newest').hidden = count === 0
    byId('newer').textContent = `${count} newer`
  }
}

/** What only a detailed message has: its time, whether the author is a friend, and its id. */
function facts ({ id, at, friend }) {
  if (id === undefined) return undefined
  return element('p', { class: 'facts' },
    element('time', { datetime: at }, timeOfDay(new Date(at))),
    friend ? element('span', { class: 'friend' }, icon('i-friend'), 'friend') : undefined,
    element('code', { class: 'id' }, id))
}
