/**
 * The process that clients run in. Its argument is a module that exports `drivers`: by the names of clients, functions
 * `({ origin, path, method, url, signal, opened, item, ended, failed, closed })` that open a stream as a user of the client
 * would, and stop when `signal` is aborted. `closed` is for an end of which the client does not say whether it is a
 * success. A driver that returns a promise need not call `ended` and `failed`: the
 * stream has ended when the promise is fulfilled, and failed when it is rejected.
 */
import { pathToFileURL } from 'node:url'

const { drivers, close = () => {} } = await import(pathToFileURL(process.argv[2]).href)
const open = new Map()

for (const name of ['uncaughtException', 'unhandledRejection']) {
  process.on(name, (error) => process.send({ stray: textOf(error) }))
}

process.on('message', async ({ stream, open: name, task, close: isClosed, exit }) => {
  if (exit) {
    for (const leaving of open.values()) leaving.abort()
    await close()
    process.exit()
  }
  if (isClosed) {
    open.get(stream)?.abort()
    open.delete(stream)
    return
  }
  const leaving = new AbortController()
  open.set(stream, leaving)
  const tell = (told) => { if (!leaving.signal.aborted) process.send({ stream, told }) }
  const ended = () => tell({ kind: 'ended' })
  const failed = (error) => tell({ kind: 'failed', message: textOf(error) })
  try {
    const running = drivers[name]({
      ...task,
      url: `${task.origin}${task.path}`,
      signal: leaving.signal,
      opened: () => tell({ kind: 'opened' }),
      item: ({ type, data }) => tell({ kind: 'item', type: type || 'message', data: String(data) }),
      ended,
      failed,
      closed: () => tell({ kind: 'closed' })
    })
    if (typeof running?.then === 'function') running.then(ended, failed)
  } catch (error) {
    failed(error)
  }
})

process.on('disconnect', () => process.exit())

function textOf (error) {
  const cause = error?.cause === undefined ? '' : ` (${textOf(error.cause)})`
  return `${error?.message ?? error?.status ?? error}${cause}`
}
