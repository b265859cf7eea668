import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { sleep, until } from '../../support/wait.ts'
import { Line } from '../../testnet/line.ts'
import { planFrom } from '../../testnet/plan.ts'

const open: { server: Server; line: Line; sockets: Socket[] }[] = []
afterEach(async () => {
  for (const { server, line, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await line.close()
    server.close()
  }
})

/** A server that echoes, and a client at the other end of the line. */
async function echoed(delayMs: number) {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const line = await new Line(
    typeof address === 'object' ? (address?.port ?? 0) : 0,
    delayMs,
  ).open()
  const client = connect(line.port, '127.0.0.1')
  sockets.push(client)
  open.push({ server, line, sockets })
  let text = ''
  let isClosed = false
  client.on('data', (piece) => {
    text += piece.toString('latin1')
  })
  client.on('error', () => undefined)
  client.on('close', () => {
    isClosed = true
  })
  await new Promise((resolve) => client.once('connect', resolve))
  return { line, client, text: () => text, isClosed: () => isClosed }
}

it('carries every byte in order, each way so much later', async () => {
  const { client, text } = await echoed(30)
  const startMs = performance.now()
  for (let i = 0; i < 200; i++) client.write(`${i},`)
  const wanted = Array.from({ length: 200 }, (_, i) => `${i},`).join('')
  await until({ what: 'the echo', everyMs: 1 }, () => text().length === wanted.length)
  expect(text()).toBe(wanted)
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(58)
})

it('holds what is on the way, and lets it go when it is mended', async () => {
  const { line, client, text } = await echoed(0)
  line.hold()
  client.write('held')
  await sleep(50)
  expect(text()).toBe('')
  line.mend()
  await until({ what: 'the echo', everyMs: 1 }, () => text() === 'held')
})

it('ends connections when it is cut, and takes new ones when it is mended', async () => {
  const { line, isClosed } = await echoed(0)
  line.cut()
  await until({ what: 'the end', everyMs: 1 }, isClosed)
  const refused = connect(line.port, '127.0.0.1')
  refused.on('error', () => undefined)
  await new Promise((resolve) => refused.once('close', resolve))
  line.mend()
  const again = connect(line.port, '127.0.0.1')
  await new Promise((resolve) => again.once('connect', resolve))
  again.destroy()
})

it('makes the same plan from the same seed, of every kind over many seeds', () => {
  expect(planFrom(5)).toEqual(planFrom(5))
  const plans = Array.from({ length: 60 }, (_, seed) => planFrom(seed))
  const kinds = new Set(plans.flatMap(({ perturbations }) => perturbations.map(({ kind }) => kind)))
  expect([...kinds].sort()).toEqual([
    'disconnect',
    'kill',
    'partition',
    'pause',
    'restart',
    'upgrade',
  ])
  for (const { nodes, perturbations } of plans) {
    expect(nodes.filter(({ power }) => power > 0).length).toBeGreaterThanOrEqual(3)
    for (const one of perturbations) {
      const touched = one.kind === 'partition' ? one.group : [one.node]
      expect(touched.every((node) => node < nodes.length)).toBe(true)
    }
  }
  const some = (wanted: (plan: (typeof plans)[number]['nodes'][number]) => boolean): boolean =>
    plans.some(({ nodes }) => nodes.some(wanted))
  expect(some(({ diskMs }) => diskMs > 0) && some(({ skewMs }) => skewMs !== 0)).toBe(true)
})
