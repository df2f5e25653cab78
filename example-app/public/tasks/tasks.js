/**
 * The page of tasks: starts them, and shows how far each is. The ids stand in the address, so that a reload, or another
 * window with the same address, finds the same tasks.
 */
import { element } from '/element.js'
import { json, request } from '/request.js'

const byId = (id) => document.getElementById(id)

byId('start').addEventListener('submit', async (event) => {
  event.preventDefault()
  byId('problem').textContent = ''
  try {
    const { id } = await request('/tasks', json('POST', { name: byId('name').value }))
    const ids = [...idsInAddress(), id]
    window.history.replaceState(null, '', `#${ids.join(',')}`)
    show(id)
  } catch (error) {
    byId('problem').textContent = error.message
  }
})

for (const id of idsInAddress()) show(id)

function idsInAddress () {
  return window.location.hash.slice(1).split(',').filter((id) => id !== '')
}

/** A row for one task, and its stream until the task is over. */
function show (id) {
  const name = element('span', { class: 'name' }, 'A task')
  const status = element('span', { class: 'status', role: 'status' }, 'connecting')
  const bar = element('progress', { max: 100, value: 0, 'aria-label': 'Progress' })
  const stop = element('button', { type: 'button', class: 'button' }, 'Stop')
  const row = element('li', { 'data-state': 'connecting' }, name, status, stop, bar)
  byId('tasks').prepend(row)

  const say = (state, text) => {
    row.dataset.state = state
    status.textContent = text
    stop.hidden = state !== 'connecting' && state !== 'running'
  }

  const source = new window.EventSource(`/tasks/${encodeURIComponent(id)}/events`)
  source.addEventListener('progress', (event) => {
    const progress = JSON.parse(event.data)
    name.textContent = progress.name
    bar.value = progress.percent
    bar.setAttribute('aria-label', progress.name)
    say('running', progress.status === 'queued' ? 'queued' : `${progress.percent} %`)
  })
  // the task is over, for all who watch: by itself, or because somebody has stopped it
  source.addEventListener('stream:done', (event) => {
    source.close()
    const { reason } = JSON.parse(event.data)
    if (reason === undefined) say('completed', 'completed')
    else say('stopped', reason)
  })
  source.addEventListener('stream:error', () => {
    source.close()
    say('failed', 'failed')
  })
  source.onerror = () => {
    if (source.readyState === window.EventSource.CLOSED) say('forgotten', 'not known to the server')
    else say('connecting', 'connection lost, reconnecting')
  }

  stop.addEventListener('click', async () => {
    try {
      await request(`/tasks/${encodeURIComponent(id)}`, { method: 'DELETE' })
    } catch (error) {
      byId('problem').textContent = error.message
    }
  })
}
