import t from 'tap'
import { CLIENTS } from './clients.ts'
import { openStory, Sightings } from './story.ts'

for (const client of CLIENTS) {
  t.test(`${client.name} reads the same events, ids and data of a feed: those before it came, those while it is there, and the end`, { skip: client.skip }, async (t) => {
    const story = await openStory(t)
    const sightings = new Sightings()
    const before = await story.tell()
    const { stopped, complaints = [] } = await client.open(t, { origin: story.origin, path: '/feed', onEvent: sightings.add })
    t.strictSame(await sightings.count(before.length), before)

    const live = await story.tell()
    t.strictSame(await sightings.count(before.length + live.length), [...before, ...live])
    t.match(sightings.all[0], { type: 'stream:bookmark', data: '{}' }, 'the first event is ours, and only moves the last event ID')

    story.end()
    await stopped
    t.strictSame(sightings.all.at(-1), { type: 'stream:done', data: '{}', id: `~done.${live.at(-1)?.id}` })
    t.strictSame(sightings.events, [...before, ...live], 'each once')
    t.strictSame(complaints, [])
  })

  t.test(`${client.name} reads the same events, ids and data of a generator, and stops at its end`, { skip: client.skip }, async (t) => {
    const story = await openStory(t)
    const sightings = new Sightings()
    const { stopped, complaints = [] } = await client.open(t, { origin: story.origin, path: '/generator', onEvent: sightings.add })

    await stopped
    t.strictSame(sightings.events, story.generated)
    t.match(sightings.all.at(-1), { type: 'stream:done', data: '{}' })
    t.strictSame(complaints, [])
  })
}
