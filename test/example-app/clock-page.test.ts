import t from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen } from './app.ts'

t.test('the clock page shows opened, the last event, and a lost line', { skip: skipWithoutBrowser }, async (t) => {
  const { origin } = await listen(t, { eventfeed: { retryMs: 500 } })
  const { page, complaints } = await openWindow(await openBrowser(t))
  await page.goto(`${origin}/clock/`)
  const state = page.locator('#state')

  await page.locator('#state[data-state="open"]').waitFor()
  t.equal(await state.textContent(), 'Opened')
  await page.locator('#count:text-is("2")').waitFor()
  t.match(await page.locator('#time').textContent(), /^\d\d:\d\d:\d\d$/)

  await page.getByRole('button', { name: 'Cut the line' }).click()
  await page.locator('#state[data-state="lost"]').waitFor()
  t.equal(await state.textContent(), 'Connection lost, reconnecting')
  await page.locator('#state[data-state="open"]').waitFor()
  await page.locator('#count:text-is("3")').waitFor()

  const happenings = await page.locator('#log li').allTextContents()
  t.match(happenings.reverse().map((line) => line.slice(8)), [/^Opened\.$/, /socket|lost/, /socket|lost/, /^Opened again, \d+\.\d s later\.$/])
  t.same(complaints, [])
})
