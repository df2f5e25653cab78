import t from 'tap'
import { openApp } from './app.ts'

t.test('the pages are served, and may load nothing but what is served with them', async (t) => {
  const app = await openApp(t)
  for (const page of ['/', '/clock/', '/chat/', '/chat/?user=bob', '/ticker/', '/tasks/', '/report/', '/report/htmx-4.html']) {
    const response = await app.inject(page)
    t.equal(response.statusCode, 200, page)
    t.match(response.headers['content-type'], /^text\/html/)
    t.match(response.headers['content-security-policy'], /^default-src 'none'; script-src 'self';/)
    const references = [...response.body.matchAll(/(?:href|src)="([^"#]*)"/g)].map(([, address]) => address ?? '')
    t.same(references.filter((address) => /^(?:\w+:|\/\/)/.test(address)), [], 'nothing from elsewhere')
    for (const reference of references) {
      const { pathname, search } = new URL(reference.replaceAll('&amp;', '&'), `http://localhost${page}`)
      t.equal((await app.inject(pathname + search)).statusCode, 200, `${page} refers to ${reference}`)
    }
  }
})

t.test('a page is found without its last slash', async (t) => {
  const app = await openApp(t)
  for (const page of ['/clock', '/chat', '/ticker', '/tasks', '/report']) {
    const response = await app.inject(page)
    t.match([response.statusCode, response.headers.location], [/^30[1278]$/, `${page}/`])
  }
})

t.test('nothing outside public/ is served', async (t) => {
  const app = await openApp(t)
  for (const path of ['/app.ts', '/server.ts', '/routes/chat.ts', '/../app.ts', '/..%2fapp.ts', '/%2e%2e/app.ts', '/chat/..%2f..%2fapp.ts', '/chat/..%5c..%5capp.ts', '/public/index.html', '/scripts/htmx-2/package.json', '/scripts/htmx-2/..%2f..%2fpackage.json', '/scripts/htmx-4/LICENSE']) {
    const { statusCode } = await app.inject(path)
    t.ok(statusCode === 403 || statusCode === 404, `${path}: ${statusCode}`)
  }
})
