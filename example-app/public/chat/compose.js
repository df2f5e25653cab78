/**
 * Writing. A message is not shown when it is sent: its author gets it over the stream, like everybody else.
 */
import { json, request } from '/request.js'

const byId = (id) => document.getElementById(id)

/** Sends what is written, as `user`. */
export class Compose {
  #user
  #text = byId('text')

  constructor (user) {
    this.#user = user
    byId('compose').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#send()
    })
    this.#text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
      event.preventDefault()
      this.#send()
    })
  }

  /** Shows what went wrong, above the text; an empty text clears it. */
  complain (text) {
    byId('compose-error').textContent = text
    byId('compose-error').hidden = text === ''
  }

  async #send () {
    const text = this.#text.value.trim()
    if (text === '' || byId('send').disabled) return
    byId('send').disabled = true
    try {
      await request('/chat/messages', json('POST', { from: this.#user, text }))
      if (this.#text.value.trim() === text) this.#text.value = ''
      this.complain('')
    } catch (error) {
      this.complain(`Not sent: ${error.message}`)
    }
    byId('send').disabled = false
    this.#text.focus()
  }
}
