/**
 * A person's mark: initials on a colour that is the same in every window.
 */
import { element } from '/element.js'

/** Hues far enough apart to be told from each other. */
const HUES = [25, 65, 105, 145, 190, 245, 290, 340]

/** An avatar for that name. */
export function avatar (name) {
  const made = element('span', { class: 'avatar', 'aria-hidden': 'true' })
  showAvatar(made, name)
  return made
}

/** Puts the initials and the colour of that name on an element. */
export function showAvatar (shown, name) {
  shown.textContent = initials(name)
  shown.style.setProperty('--hue', HUES[hash(name) % HUES.length])
}

function initials (name) {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean)
  const first = [...(words[0] ?? '?')]
  const second = words.length > 1 ? [...words.at(-1)][0] : first[1] ?? ''
  return `${first[0]}${second}`.toUpperCase()
}

/** Spreads names over the hues; any hash would do. */
function hash (text) {
  let value = 0x811c9dc5
  for (const character of text) value = Math.imul(value ^ character.codePointAt(0), 41) >>> 0
  return (value ^ (value >>> 15)) >>> 0
}
