/**
 * Makes DOM elements. Text is always text here: no HTML is ever parsed, whatever somebody writes into a message.
 */

const SVG = 'http://www.w3.org/2000/svg'

/** An element of that name with attributes (`undefined` and `false` are left out, `true` is empty) and children. */
export function element (name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? '' : value)
  }
  made.append(...children.filter((child) => child !== undefined))
  return made
}

/** One of the icons that the page defines as `<symbol>`. Says nothing to screen readers: what stands beside it does. */
export function icon (id) {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS(SVG, 'use')
  use.setAttribute('href', `#${id}`)
  svg.append(use)
  return svg
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** The time of day in this browser's time zone, such as 09:41:07. */
export function timeOfDay (date) {
  return clock.format(date)
}

/** How long something took, such as 1.2 s. */
export function seconds (ms) {
  return `${(ms / 1000).toFixed(1)} s`
}
