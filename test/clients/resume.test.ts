import t from 'tap'
import { RECONNECTING_CLIENTS } from './clients.ts'
import { openStory, Sightings } from './story.ts'

const CUTS = 3

for (const client of RECONNECTING_CLIENTS) {
  t.test(`${client.name} goes on after a cut line with what was published meanwhile, each event once and in order`, { skip: client.skip }, async (t) => {
    const story = await openStory(t)
    const sightings = new Sightings()
    const told = await story.tell()
    const { complaints = [] } = await client.open(t, { origin: story.origin, path: '/feed', onEvent: sightings.add })
    t.strictSame(await sightings.count(told.length), told)

    for (let cut = 1; cut <= CUTS; cut++) {
      const lastEventId = told.at(-1)?.id
      t.equal(story.cut(), 1, 'one line was open')
      told.push(...await story.tell())
      t.strictSame(await sightings.count(told.length), told)
      t.strictSame(story.requests.filter(({ path }) => path === '/feed').at(-1), { path: '/feed', lastEventId })
    }
    t.notOk(sightings.all.some(({ type }) => type === 'stream:gap'), 'nothing was said to be missing')
    t.strictSame(complaints, [])
  })
}
