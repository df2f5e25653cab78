import type { Page } from 'playwright-core'
import t from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen, openApp } from './app.ts'
import { Beat } from './beat.ts'

const priceOf = (page: Page, symbol: string) => page.locator(`[data-symbol="${symbol}"] .price`)
const showsEvents = (page: Page, count: number) => page.locator(`#events:text-is("${count}")`).waitFor()

t.test('the ticker page shows each share\'s price, follows it over a cut line, and counts events and gaps', { skip: skipWithoutBrowser }, async (t) => {
  const first = new Beat()
  const { app, origin } = await listen(t, { market: first })
  const { page, complaints } = await openWindow(await openBrowser(t))
  await page.goto(`${origin}/ticker/`)
  await showsEvents(page, 10)
  const symbols = await page.locator('#prices .symbol').allTextContents()
  t.equal(symbols.length, 10)
  t.same(symbols, symbols.toSorted())
  t.equal(await priceOf(page, 'AMBR').textContent(), '84.20')

  first.move()
  await showsEvents(page, 20)
  t.equal(await page.locator('#prices tr').count(), 10, 'a row for each share, however many events')
  t.equal(await priceOf(page, 'AMBR').textContent(), '84.61')
  t.equal(await page.locator('[data-symbol="AMBR"] .change').textContent(), '+0.49 %')
  t.equal(await page.locator('[data-symbol="AMBR"]').getAttribute('data-way'), 'up')

  await page.getByRole('button', { name: 'Cut the line' }).click()
  await page.locator('#log li', { hasText: 'Opened again' }).waitFor()
  await page.locator('#state[data-state="open"]').waitFor()
  first.move()
  await showsEvents(page, 30)
  t.equal(await page.locator('#gaps').textContent(), '0')

  await app.close()
  await page.locator('#state[data-state="lost"]').waitFor()
  const second = new Beat()
  const restarted = await openApp(t, { market: second })
  await restarted.listen({ host: '127.0.0.1', port: Number(new URL(origin).port) })
  await page.locator('#gaps:text-is("1")').waitFor()
  t.match(await page.locator('#log [data-kind="gap"]').textContent(), /restarted/)
  second.move()
  await showsEvents(page, 40)
  t.equal(await priceOf(page, 'AMBR').textContent(), '84.61', 'the prices of the new server')

  await page.setViewportSize({ width: 390, height: 700 })
  t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing sticks out sideways')
  t.same(complaints, [])
})
