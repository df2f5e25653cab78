/**
 * The last 60 seconds of a line, drawn: a tick for each event, a solid line while it is open, a dashed one while it is lost.
 */

const SECONDS = 60
const WIDTH = 600
const PER_MS = WIDTH / SECONDS / 1000

/** Draws into an SVG whose view box is 600 by 60. */
export class Trace {
  #group = svg('g')
  #start = performance.now()
  #stretch

  constructor (drawing) {
    drawing.append(svg('line', { class: 'track', x1: 0, x2: WIDTH, y1: 30, y2: 30 }), this.#group)
    const draw = () => {
      const now = performance.now() - this.#start
      this.#group.setAttribute('transform', `translate(${WIDTH - now * PER_MS})`)
      this.#stretch?.setAttribute('x2', now * PER_MS)
      this.#forget(now * PER_MS - WIDTH)
      window.requestAnimationFrame(draw)
    }
    draw()
  }

  /** An event has come. */
  event () {
    const x = this.#now()
    this.#group.append(svg('line', { class: 'tick', x1: x, x2: x, y1: 12, y2: 48 }))
  }

  /** The line is in another state from now on. */
  state (state) {
    const x = this.#now()
    this.#stretch?.setAttribute('x2', x)
    this.#stretch = undefined
    if (state !== 'open' && state !== 'lost') return
    this.#stretch = svg('line', { class: state, x1: x, x2: x, y1: 30, y2: 30 })
    this.#group.append(this.#stretch)
  }

  #now () {
    return (performance.now() - this.#start) * PER_MS
  }

  /** What has left the picture on the left is removed, so that a page that stays open for days holds no more than it shows. */
  #forget (before) {
    for (const drawn of [...this.#group.children]) {
      if (drawn !== this.#stretch && Number(drawn.getAttribute('x2')) < before) drawn.remove()
    }
  }
}

function svg (name, attributes = {}) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}
