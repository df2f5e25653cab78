'use strict'
/**
 * Plain JavaScript with `require`, and schemas written as JSON Schema: a page counts visitors, and everybody who
 * looks at it sees the count go up. Start it by `node commonjs.cjs`; it listens at PORT, 3000 by default.
 */
const Fastify = require('fastify')
const eventfeed = require('fastify-eventfeed')

const Visits = { type: 'object', required: ['count'], properties: { count: { type: 'integer' } } }

async function buildApp (options) {
  const app = Fastify()
  await app.register(eventfeed, options)

  let count = 0
  const events = { visits: Visits }
  // who opens the page gets the count as it is, and so does who comes back to a server that has started again
  const state = () => [{ event: 'visits', data: { count } }]
  const visits = app.feed('visits', { events, initial: state, onGap: state })

  app.get('/visits', { schema: { events } }, (request, reply) => reply.sse(visits.subscribe()))
  app.post('/visits', async () => {
    const data = { count: ++count }
    await visits.publish({ event: 'visits', data })
    return data
  })
  app.get('/', async (request, reply) => reply.type('text/html').send(`
    <p>Visits: <output></output></p>
    <script>
      new EventSource('visits').addEventListener('visits', ({ data }) => {
        document.querySelector('output').textContent = JSON.parse(data).count
      })
    </script>
  `))
  return app
}

module.exports = { buildApp }

if (require.main === module) {
  buildApp()
    .then((app) => app.listen({ port: Number(process.env.PORT ?? 3000) }))
    .then((address) => console.log(`listening at ${address}`))
}
