/**
 * The people that this window knows of, and which of them are friends. The server keeps the list of friends; a change
 * made here applies to every window of the same user, from the next message on.
 */
import { element, icon } from '/element.js'
import { json, request } from '/request.js'
import { avatar } from './avatar.js'

/** Of the people who wrote, the first 200 are listed. */
const LISTED = 200

const byId = (id) => document.getElementById(id)

/** The people as `user` knows them. */
export class People {
  #user
  #address
  /** `undefined` until the server has given them. */
  #friends
  #seen = new Set(['ada', 'bob', 'cleo'])
  /** Requests are made one after the other, so that the last change is also the last to arrive. */
  #requests = Promise.resolve()

  constructor (user) {
    this.#user = user
    this.#address = `/chat/friends/${encodeURIComponent(user)}`
    byId('add').addEventListener('submit', (event) => {
      event.preventDefault()
      const name = byId('add-name').value.trim()
      byId('add-name').value = ''
      if (name !== '') this.#change((friends) => friends.add(name))
    })
    // Another window of the same user may have changed them.
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.#queue(() => this.#request()) })
    this.#queue(() => this.#request())
    this.#show()
  }

  /** Somebody has written. */
  seen (name) {
    if (this.#seen.has(name) || this.#seen.size >= LISTED) return
    this.#seen.add(name)
    this.#show()
  }

  /** Changes the list that the server last returned, never one that was only guessed here. */
  #change (make) {
    this.#queue(async () => {
      const friends = new Set(this.#friends ?? await this.#request())
      make(friends)
      return this.#request(json('PUT', { friends: [...friends] }))
    })
  }

  #queue (request) {
    this.#requests = this.#requests.then(async () => {
      try {
        this.#friends = new Set(await request())
        this.#complain('')
      } catch (error) {
        this.#complain(`Friends: ${error.message}`)
      }
      this.#show()
    })
  }

  async #request (init) {
    return (await request(this.#address, init)).friends
  }

  #show () {
    const names = [...new Set([...this.#friends ?? [], ...this.#seen])].filter((name) => name !== this.#user)
    // The focused button is replaced by a new one, which gets the focus so that the keyboard stays where it was.
    const focused = document.activeElement?.closest('#people li')?.dataset.name
    byId('people').replaceChildren(...names.map((name) => this.#person(name)))
    if (focused !== undefined) byId('people').querySelector(`[data-name="${window.CSS.escape(focused)}"] button`)?.focus()
  }

  #person (name) {
    const isFriend = this.#friends?.has(name) ?? false
    const [drawing, word, rest] = isFriend ? ['i-friend', 'Friend', `: remove ${name}`] : ['i-add', 'Add', ` ${name} as a friend`]
    const button = element('button', { type: 'button', 'data-friend': isFriend, title: `${word}${rest}` },
      icon(drawing), element('span', {}, word, element('span', { class: 'unseen' }, rest)))
    button.addEventListener('click', () => this.#change((friends) => isFriend ? friends.delete(name) : friends.add(name)))
    return element('li', { 'data-name': name }, avatar(name), element('span', { class: 'name', title: name }, name), button)
  }

  #complain (text) {
    byId('people-error').textContent = text
    byId('people-error').hidden = text === ''
  }
}
