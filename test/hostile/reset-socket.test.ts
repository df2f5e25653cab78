import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { eventually } from '../story/raw-client.ts'
import { resetSocket } from './reset-socket.ts'

/** A connection to a server that ends its side only when it is asked to. `peer` is the server's socket. */
async function connection (t: Test): Promise<{ socket: Socket, peer: Promise<Socket>, errors: Error[] }> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = once(server, 'connection').then(([socket]: Socket[]) => {
    if (socket === undefined) throw new Error('a server tells its connection')
    t.teardown(() => { socket.destroy() })
    // a reset is one way to be closed
    return socket.on('error', () => {}).resume()
  })
  t.teardown(() => { server.close() })
  // what listen() on a port gives is an address with a port
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const errors: Error[] = []
  socket.on('error', (error) => { errors.push(error) }).resume()
  return { socket, peer, errors }
}

const MOMENTS: Record<string, (socket: Socket, peer: Promise<Socket>) => Promise<void>> = {
  'while it connects': async () => {},
  'while it connects, and is to end then': async (socket) => { socket.end() },
  'when it is open': async (_socket, peer) => { await peer },
  'in the turn in which it ends': async (socket, peer) => { await peer; socket.end('the last') },
  'when its end was sent': async (socket, peer) => { await peer; await once(socket.end(), 'finish') },
  'in the turn in which its peer has ended': async (socket, peer) => { (await peer).end(); await once(socket, 'end') }
}

for (const [moment, reached] of Object.entries(MOMENTS)) {
  t.test(`a socket that is reset ${moment} closes without an error, and its peer too`, async (t) => {
    const { socket, peer, errors } = await connection(t)
    const closed = once(socket, 'close')
    await reached(socket, peer)
    resetSocket(socket)
    await closed
    const other = await peer
    // who has read the end hears of the reset when it writes
    await eventually(() => {
      other.write('is anybody there?')
      return other.destroyed
    }, 'the peer knows')
    t.strictSame(errors, [])
  })
}
