/**
 * The table of prices: a row for each share, made when its first price arrives.
 */
import { element, timeOfDay } from '/element.js'

const money = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const percent = new Intl.NumberFormat('en-GB', { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'exceptZero' })

/** Writes into the body of a table. */
export class Prices {
  #body
  #rows = new Map()

  constructor (body) {
    this.#body = body
  }

  /** Shows the newest price of a share. */
  show ({ symbol, name, price, change }) {
    const row = this.#rows.get(symbol) ?? this.#add(symbol, name)
    row.price.textContent = money.format(price)
    row.change.textContent = `${percent.format(change)} %`
    row.at.textContent = timeOfDay(new Date())
    if (row.shown !== undefined && row.shown !== price) flash(row, price > row.shown ? 'up' : 'down')
    row.shown = price
  }

  #add (symbol, name) {
    const [price, change, at] = ['price', 'change', 'at'].map((kind) => element('td', { class: kind }))
    const made = element('tr', { 'data-symbol': symbol },
      element('th', { scope: 'row' }, element('span', { class: 'symbol' }, symbol), ' ', element('span', { class: 'name' }, name)), price, change, at)
    // Rows are in the order of their symbols, whichever price arrives first.
    const next = [...this.#body.children].find((row) => row.dataset.symbol > symbol)
    this.#body.insertBefore(made, next ?? null)
    const row = { made, price, change, at, shown: undefined }
    this.#rows.set(symbol, row)
    return row
  }
}

/** Shows which way the price went, and highlights it again. */
function flash ({ made, price }, way) {
  delete made.dataset.way
  // The animation starts again only if the browser has laid out the row without the attribute.
  price.getBoundingClientRect()
  made.dataset.way = way
}
