/** The description of the example app's routes, as a document and as a page. */
import t from 'tap'
import { openBrowser, openWindow, skipWithoutBrowser } from '../browser.ts'
import { listen } from '../example-app/app.ts'
import { at, type Part } from './documented.ts'

const DOCUMENTS = [['/docs/json', '3.2.0'], ['/docs/json/3.1', '3.1.0']] as const

for (const [url, version] of DOCUMENTS) {
  t.test(`${url} describes every stream of the example app in OpenAPI ${version}`, async (t) => {
    const { origin } = await listen(t)
    const document = await (await fetch(`${origin}${url}`)).json() as Part
    t.equal(document['openapi'], version)
    const streams = Object.entries(document['paths'] ?? {}).filter(([, { get = {} }]) => at(get, 'responses', '200', 'content', 'text/event-stream') !== undefined)
    t.strictSame(streams.map(([path]) => path).toSorted(), ['/chat-updates', '/clock/events', '/report/events', '/tasks/{id}/events', '/ticker/events'])
    for (const [path, item] of Object.entries(document['paths'] ?? {})) {
      for (const operation of Object.values(item)) {
        for (const field of ['summary', 'operationId', 'tags']) t.ok(operation[field], `${path} has a ${field}`)
      }
    }
    t.notOk(Object.keys(document['paths'] ?? {}).some((path) => path.startsWith('/docs')), 'the page does not describe itself')
  })
}

t.test('the front page leads to the page of the API, which shows the members of a stream and asks nobody else for anything', { skip: skipWithoutBrowser }, async (t) => {
  const { origin } = await listen(t)
  const { page, complaints } = await openWindow(await openBrowser(t))
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(origin)
  await page.getByRole('link', { name: 'The API' }).click()
  await page.getByText('Follow the clock').first().waitFor()

  // by its address, which opens the part of the page that is closed at first
  await page.goto(`${origin}/docs/#tag/ticker/GET/ticker/events`)
  await page.reload()
  const stream = page.locator('[id$="/ticker/GET/ticker/events"]').last()
  await stream.getByRole('button', { name: /^200/ }).click()
  await stream.getByText('Stream item').waitFor()
  const text = await stream.innerText()
  for (const shown of ['price', 'data', 'JSON: Price', 'event', 'id', 'retry', 'text/event-stream', '429', '503']) t.ok(text.includes(shown), shown)

  t.ok(asked.some((url) => url.endsWith('/docs/js/scalar.js')))
  t.strictSame(asked.filter((url) => !url.startsWith(`${origin}/`) && !/^(data|blob):/.test(url)), [])
  t.strictSame(complaints, [], 'nothing was refused by the security policy')
})
