import type { Browser, Page } from 'playwright-core'
import t from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen, openApp } from './app.ts'

/** The messages that a window shows, in order. */
const messages = (page: Page) => page.locator('#messages li[data-from]').evaluateAll((items) => items.map((item) => ({
  id: item.dataset.id as string | undefined,
  from: item.dataset.from as string,
  text: item.querySelector('.text')?.textContent as string,
  facts: item.querySelector('.facts') !== null,
  friend: item.querySelector('.friend') !== null
})))

const openChat = async (browser: Browser, address: string) => {
  const opened = await openWindow(browser)
  await opened.page.goto(address)
  await opened.page.locator('#state[data-state="open"]').waitFor()
  return opened
}

const write = async (page: Page, text: string) => {
  await page.getByLabel('Message', { exact: true }).fill(text)
  await page.keyboard.press('Enter')
}

const shown = (page: Page, text: string) => page.locator('#messages .text', { hasText: text }).last().waitFor()

t.test('two windows of the chat page', { skip: skipWithoutBrowser }, async (t) => {
  const { origin } = await listen(t)
  const browser = await openBrowser(t)
  const { page: ada, complaints: adaComplaints } = await openChat(browser, `${origin}/chat/?user=ada&format=detailed`)
  const { page: bob, complaints: bobComplaints } = await openChat(browser, `${origin}/chat/?user=bob`)

  t.equal(await bob.locator('#empty').isVisible(), true, 'an empty conversation says what to do')

  await write(ada, 'Hello bob')
  await shown(bob, 'Hello bob')
  await write(bob, '<b>Hello</b> ada')
  await shown(ada, '<b>Hello</b> ada')
  t.equal(await bob.locator('#empty').isVisible(), false)

  const detailed = await messages(ada)
  t.match(detailed, [{ from: 'ada', text: 'Hello bob', facts: true }, { from: 'bob', text: '<b>Hello</b> ada', facts: true, friend: false }])
  t.ok(detailed.every(({ id }) => id !== undefined), 'a detailed message has an id')
  t.same(await messages(bob), detailed.map(({ from, text }) => ({ id: undefined, from, text, facts: false, friend: false })), 'a simple one has nothing but its author and text')

  await t.test('a new friend is marked as one from the next message on', async (t) => {
    await ada.getByRole('button', { name: 'Add bob as a friend' }).click()
    await ada.locator('#people [data-name="bob"] [data-friend]').waitFor()
    await write(bob, 'We are friends')
    await shown(ada, 'We are friends')
    t.same((await messages(ada)).map(({ friend }) => friend), [false, false, true])
  })

  await t.test('friends only leaves strangers out, and goes on without a gap or a double', async (t) => {
    await bob.getByLabel('Friends only').check()
    await bob.locator('#state[data-state="open"]').waitFor()
    await write(ada, 'Bob does not read this')
    await shown(ada, 'Bob does not read this')
    await write(bob, 'My own passes')
    await shown(bob, 'My own passes')
    t.same((await messages(bob)).map(({ text }) => text), ['Hello bob', '<b>Hello</b> ada', 'We are friends', 'My own passes'])

    await bob.getByLabel('Name of a friend to add').fill('ada')
    await bob.keyboard.press('Enter')
    await bob.locator('#people [data-name="ada"] [data-friend]').waitFor()
    await write(ada, 'Now he does')
    await shown(bob, 'Now he does')
  })

  await t.test('who is unfriended, or befriended again, is left out and read at once, on the same stream', async (t) => {
    const opened: string[] = []
    bob.on('request', (request) => { if (request.url().includes('/chat-updates')) opened.push(request.url()) })
    await bob.locator('#people [data-name="ada"] button[data-friend]').click()
    await bob.getByRole('button', { name: 'Add ada as a friend' }).waitFor()
    await write(ada, 'Not any more')
    await shown(ada, 'Not any more')
    await bob.getByRole('button', { name: 'Add ada as a friend' }).click()
    await bob.locator('#people [data-name="ada"] button[data-friend]').waitFor()
    await write(ada, 'And again')
    await shown(bob, 'And again')
    t.same((await messages(bob)).slice(-2).map(({ text }) => text), ['Now he does', 'And again'])
    t.same(opened, [], 'no reconnect')
  })

  await t.test('another format holds from the next message on, and stands in the address', async (t) => {
    await bob.getByText('Detailed', { exact: true }).click()
    await bob.locator('#messages [data-mark="changed"]').nth(1).waitFor()
    await bob.locator('#state[data-state="open"]').waitFor()
    await write(ada, 'In detail')
    await shown(bob, 'In detail')
    const all = await messages(bob)
    t.match(all.at(-1), { from: 'ada', text: 'In detail', facts: true, friend: true })
    t.equal(all.filter(({ facts }) => facts).length, 1)
    t.equal(new URL(bob.url()).search, '?user=bob&friends=true&format=detailed')
  })

  await t.test('the button cuts the line, and a mark shows where it was mended', async (t) => {
    await bob.locator('#cut').click()
    await bob.locator('#messages [data-mark="resumed"]').waitFor()
    await bob.locator('#state[data-state="open"]').waitFor()
    await write(ada, 'Still there?')
    await shown(bob, 'Still there?')
    t.equal((await messages(bob)).filter(({ text }) => text === 'Still there?').length, 1)
    t.equal(await bob.locator('#messages [data-mark="gap"]').count(), 0)
  })

  await t.test('what was said before is there when a window is opened', async (t) => {
    const { page: cleo } = await openChat(browser, `${origin}/chat/?user=cleo`)
    await shown(cleo, 'Still there?')
    t.same((await messages(cleo)).map(({ text }) => text), (await messages(ada)).map(({ text }) => text))
  })

  t.same(adaComplaints, [])
  t.same(bobComplaints, [])
})

t.test('a conversation follows its end only for a reader who is there', { skip: skipWithoutBrowser }, async (t) => {
  const { app, origin } = await listen(t)
  const say = (text: string) => app.inject({ method: 'POST', url: '/chat/messages', body: { from: 'ada', text } })
  for (let count = 1; count <= 60; count++) await say(`line ${count}`)
  const { page } = await openChat(await openBrowser(t), `${origin}/chat/`)
  await shown(page, 'line 60')
  const atEnd = () => page.locator('#scroller').evaluate((it) => it.scrollHeight - it.scrollTop - it.clientHeight <= 2)
  t.equal(await atEnd(), true, 'at the end after the history')

  await page.locator('#scroller').evaluate((it) => { it.scrollTop = 0 })
  await page.waitForFunction('document.querySelector("#scroller").scrollTop === 0')
  await say('while reading')
  await page.getByRole('button', { name: '1 newer' }).waitFor()
  t.equal(await page.locator('#scroller').evaluate((it) => it.scrollTop), 0, 'a reader further up is left in peace')
  await page.getByRole('button', { name: '1 newer' }).click()
  await page.locator('#to-newest').waitFor({ state: 'hidden' })
  t.equal(await atEnd(), true)
})

t.test('after a restart of the server a mark shows the gap', { skip: skipWithoutBrowser }, async (t) => {
  const first = await listen(t)
  const { page } = await openChat(await openBrowser(t), `${first.origin}/chat/?user=ada&format=detailed`)
  await write(page, 'before')
  await shown(page, 'before')
  await first.app.close()
  await page.locator('#state[data-state="lost"]').waitFor()

  const second = await openApp(t)
  await second.listen({ host: '127.0.0.1', port: Number(new URL(first.origin).port) })
  await page.locator('#messages [data-mark="gap"]').waitFor()
  await write(page, 'after')
  await shown(page, 'after')
  t.match(await page.locator('#messages [data-mark="gap"]').textContent(), /restarted/)
  t.same((await messages(page)).map(({ text }) => text), ['before', 'after'])
  t.equal(await page.locator('#messages [data-mark="resumed"]').count(), 0, 'what has a gap was not resumed')
})

t.test('a conversation that no stream can be opened for says so', { skip: skipWithoutBrowser }, async (t) => {
  const { origin } = await listen(t)
  const { page } = await openWindow(await openBrowser(t))
  await page.route('**/chat-updates?*', (route) => route.fulfill({ status: 500, body: 'no' }))
  await page.goto(`${origin}/chat/`)
  await page.locator('#state[data-state="ended"]').waitFor()
  await page.getByRole('button', { name: 'Cut the line' }).click()
  await page.getByRole('alert').filter({ hasText: 'No open stream has the id' }).waitFor()
})

t.test('on a narrow screen the panel opens, takes the focus, and Escape gives it back', { skip: skipWithoutBrowser }, async (t) => {
  const { origin } = await listen(t)
  const { page, complaints } = await openChat(await openBrowser(t), `${origin}/chat/`)
  await page.setViewportSize({ width: 390, height: 700 })
  await page.locator('#panel').waitFor({ state: 'hidden' })
  t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing sticks out sideways')

  const opener = page.getByRole('button', { name: 'Settings and people' })
  await opener.focus()
  await page.keyboard.press('Enter')
  await page.locator('#panel').waitFor()
  t.equal(await page.evaluate('document.activeElement.id'), 'panel-close')
  await page.keyboard.press('Escape')
  await page.locator('#panel').waitFor({ state: 'hidden' })
  t.equal(await page.evaluate('document.activeElement.id'), 'panel-open')

  await opener.click()
  await page.getByLabel('Your name').fill(' grace hopper ')
  await page.getByRole('button', { name: 'Switch' }).click()
  await page.waitForURL(/user=grace\+hopper/)
  await page.locator('#state[data-state="open"]').waitFor()
  await write(page, 'Hello')
  await page.locator('#messages li.own[data-from="grace hopper"]').waitFor()
  t.same(complaints, [])
})
