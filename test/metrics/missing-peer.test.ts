/** Metrics where `prom-client` is not installed. */
import fastify from 'fastify'
import { register } from 'node:module'
import t from 'tap'
import eventfeed from '../../lib/index.ts'
import metrics from '../../lib/metrics/index.ts'

/** As Node fails for a package that is not there. */
const HIDES_PROM_CLIENT = `
  export async function resolve (specifier, context, next) {
    if (specifier === 'prom-client') throw Object.assign(new Error("Cannot find package 'prom-client'"), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(specifier, context)
  }`

t.test('the error says what to install', async (t) => {
  register(`data:text/javascript,${encodeURIComponent(HIDES_PROM_CLIENT)}`)
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  await t.rejects(async () => { await app.register(metrics) }, {
    code: 'FST_EVENTFEED_MISSING_PEER', message: /npm install prom-client/, cause: { code: 'ERR_MODULE_NOT_FOUND' }
  })
})
