/**
 * The load client in Node, for machines without a C compiler: it does what load-client.c does, and obeys the same commands,
 * which are documented there. It uses more CPU than most servers, so wall-clock times with it mean nothing.
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Sequence } from './sequence.ts'

interface Connection { readonly head: { matched: number }, readonly body: { matched: number }, isOpen: boolean, readonly isStalled: boolean, markers: number }

/** Servers have a backlog of a few hundred; more would wait for a second until TCP tries again. */
const MOST_IN_FLIGHT = 200
const HEAD_END = new Sequence(Buffer.from('\r\n\r\n'))

const port = Number(process.argv[2])
const connections: Connection[] = []
const waiting: Array<() => void> = []
let marker = new Sequence(Buffer.from('$'))
let openTarget = 0
let openCount = 0
let closedCount = 0
let bytesRead = 0
let total = 0
let expected = 0
let isExpecting = false
let visitsToBegin = 0
let visitsToEnd = 0
let visitBytes = 0

createInterface({ input: process.stdin })
  .on('line', obey)
  .on('close', () => { process.exit() })

function obey (line: string): void {
  const [command, ...words] = line.split(' ')
  if (command === 'marker') marker = new Sequence(Buffer.from(words.join(''), 'hex'))
  else if (command === 'open') open(Number(words[0]), Number(words[1]), words[2] ?? '/')
  else if (command === 'expect') expect(Number(words[0]))
  else if (command === 'counts') answerCounts()
  else if (command === 'visit') visit(Number(words[0]), Number(words[1]), words[2] ?? '/')
  else fail(`no command: ${line}`)
}

function open (count: number, stalled: number, path: string): void {
  openTarget += count
  for (let index = 0; index < count; index++) waiting.push(() => { begin(path, index >= count - stalled) })
  beginMore()
}

function beginMore (): void {
  while (connections.length - openCount < MOST_IN_FLIGHT) {
    const next = waiting.shift()
    if (next === undefined) return
    next()
  }
}

function begin (path: string, isStalled: boolean): void {
  const connection = newConnection(isStalled)
  connections.push(connection)
  const socket = ask(path)
  socket.on('data', (bytes) => { receive(socket, connection, bytes) })
  socket.on('error', (error) => { if (!connection.isOpen) fail(`connect: ${error.message}`) })
  socket.on('close', () => {
    if (!connection.isOpen) fail('the server closed a connection before its head')
    closedCount++
  })
}

function newConnection (isStalled: boolean): Connection {
  return { head: { matched: 0 }, body: { matched: 0 }, isOpen: false, isStalled, markers: 0 }
}

function ask (path: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\naccept: text/event-stream\r\n\r\n`)
  return socket
}

function visit (count: number, atOnce: number, path: string): void {
  visitsToBegin = count
  visitsToEnd = count
  visitBytes = 0
  for (let index = 0; index < atOnce; index++) visitOnce(path)
}

function visitOnce (path: string): void {
  if (visitsToBegin === 0) return
  visitsToBegin--
  const socket = ask(path)
  const connection = newConnection(false)
  const onClose = (): void => { fail('the server closed a connection before its first event') }
  socket.on('error', onClose).on('close', onClose)
  socket.on('data', (bytes) => {
    const body = connection.isOpen ? bytes : bytes.subarray(takeHead(connection, bytes))
    if (!connection.isOpen) return
    visitBytes += body.length
    if (marker.count(body, connection.body, 1).found === 0) return
    socket.off('close', onClose).destroy()
    if (--visitsToEnd === 0) console.log(`visited ${visitBytes}`)
    visitOnce(path)
  })
}

function receive (socket: Socket, connection: Connection, bytes: Buffer): void {
  let body = bytes
  if (!connection.isOpen) {
    body = bytes.subarray(takeHead(connection, bytes))
    if (connection.isOpen) noteOpen(socket, connection)
  }
  if (!connection.isOpen || connection.isStalled) return
  bytesRead += body.length
  const { found } = marker.count(body, connection.body)
  connection.markers += found
  total += found
  announce()
}

/** Returns where the head's end stands in `bytes`. */
function takeHead (connection: Connection, bytes: Buffer): number {
  // the status line of so small a head is never cut
  if (connection.head.matched === 0 && !bytes.toString('latin1', 0, 12).startsWith('HTTP/1.1 200')) fail(`the server answered ${bytes.toString('latin1', 0, 40)}`)
  const { found, end } = HEAD_END.count(bytes, connection.head, 1)
  connection.isOpen = found > 0
  return end
}

function noteOpen (socket: Socket, connection: Connection): void {
  if (connection.isStalled) socket.pause()
  if (++openCount === openTarget) console.log('opened')
  beginMore()
}

function expect (count: number): void {
  expected += count
  isExpecting = true
  announce()
}

function announce (): void {
  if (!isExpecting || total < expected) return
  isExpecting = false
  console.log('reached')
}

function answerCounts (): void {
  const markers = connections.filter(({ isStalled }) => !isStalled).map((connection) => connection.markers)
  const least = markers.reduce((one, other) => Math.min(one, other), Infinity)
  const most = markers.reduce((one, other) => Math.max(one, other), 0)
  console.log(`counts ${total} ${markers.length === 0 ? 0 : least} ${most} ${bytesRead} ${closedCount}`)
}

function fail (why: string): never {
  console.log(`failed ${why}`)
  process.exit(1)
}
