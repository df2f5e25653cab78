/**
 * Who this window is and how it reads: the switches, the page's address, and the panel that holds them on a narrow screen.
 */
import { element } from '/element.js'
import { showAvatar } from './avatar.js'

/** Names to play with, for windows as somebody else. */
const CAST = ['ada', 'bob', 'cleo']

const FIELDS = { simple: ['from', 'text'], detailed: ['id', 'from', 'text', 'at', 'friend'] }

const byId = (id) => document.getElementById(id)

/** Reads the settings from the page's address, keeps them there, and calls `changed` when one of them is another. */
export class Settings {
  constructor (changed) {
    const given = new URLSearchParams(window.location.search)
    this.user = given.get('user')?.slice(0, 64) || 'ada'
    this.friendsOnly = given.get('friends') === 'true'
    this.format = given.get('format') === 'detailed' ? 'detailed' : 'simple'

    this.#show()
    this.#listen(changed)
    listenToPanel()
  }

  /** What the server is asked for. */
  get query () {
    return { user: this.user, friends: this.friendsOnly, format: this.format }
  }

  /** Shows where the stream is read. */
  showAddress (address) {
    // A long address breaks before a parameter, not within one.
    const parts = `GET ${address}`.split(/(?=[?&])/)
    byId('address').replaceChildren(...parts.flatMap((part) => [element('wbr'), part]))
  }

  #show () {
    document.title = `${this.user} · Chat · fastify-eventfeed`
    byId('me-name').value = this.user
    byId('friends-only').checked = this.friendsOnly
    document.querySelector(`[name="format"][value="${this.format}"]`).checked = true
    showAvatar(byId('me-avatar'), this.user)
    byId('fields').replaceChildren(...FIELDS.detailed.map((field) => {
      const isExtra = !FIELDS.simple.includes(field)
      return element('code', { class: isExtra && (this.format === 'detailed' ? 'extra' : 'absent') }, field)
    }))
    const others = CAST.filter((name) => name !== this.user)
    byId('windows').replaceChildren(...others.map((name) => element('a', { href: this.#addressFor(name), target: '_blank', rel: 'noopener' }, name)))
    byId('empty-window').href = this.#addressFor(others[0])
    byId('text').placeholder = `Write as ${this.user}`
  }

  #listen (changed) {
    const change = () => {
      this.friendsOnly = byId('friends-only').checked
      this.format = document.querySelector('[name="format"]:checked').value
      window.history.replaceState(null, '', this.#addressFor(this.user))
      this.#show()
      changed()
    }
    byId('friends-only').addEventListener('change', change)
    for (const choice of document.querySelectorAll('[name="format"]')) choice.addEventListener('change', change)

    // Somebody else sees another conversation, so that is another page, not another state of this one.
    byId('me-name').addEventListener('input', ({ target }) => { byId('me-save').hidden = target.value.trim() === this.user })
    byId('me').addEventListener('submit', (event) => {
      event.preventDefault()
      const name = byId('me-name').value.trim()
      if (name !== '') window.location.assign(this.#addressFor(name))
    })
  }

  #addressFor (user) {
    return `?${new URLSearchParams({ ...this.query, user })}`
  }
}

/** On a narrow screen the panel covers the page: Escape and its button close it, and the focus goes with it. */
function listenToPanel () {
  const show = (isOpen) => {
    document.documentElement.dataset.panel = isOpen ? 'open' : 'closed'
    byId('panel-open').setAttribute('aria-expanded', isOpen)
    byId(isOpen ? 'panel-close' : 'panel-open').focus()
  }
  byId('panel-open').addEventListener('click', () => show(true))
  byId('panel-close').addEventListener('click', () => show(false))
  byId('panel').addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && document.documentElement.dataset.panel === 'open') show(false)
  })
}
