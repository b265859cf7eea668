import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { isHostAllowed, isOriginAllowed } from './access.ts'
import type { ActionFrames } from './actionFrames.ts'
import type { ClientBudgets } from './clientBudgets.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { RpcOptions } from './options.ts'
import { Subscriber, type SubscriptionHub } from './subscriptions.ts'

const PING_MS = 30_000
/** "Going away". */
const CLOSE_GOING_AWAY = 1001

export type WebSockets = {
  readonly clients: number
  close(): void
}

export type WebSocketModules = {
  readonly dispatcher: Dispatcher
  readonly hub: SubscriptionHub
  /** Null: no engines, so nobody takes binary frames. */
  readonly frames: ActionFrames | null
  readonly budgets: ClientBudgets
}

/** The WebSocket half, on the same port: an upgrade of any connection to `/`. */
export function attachWebSocket(
  server: Server,
  options: RpcOptions,
  modules: WebSocketModules,
): WebSockets {
  const { limits } = options
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: limits.bodyBytes,
    // Compression costs memory per connection, and hex of hashes does not compress.
    perMessageDeflate: false,
    clientTracking: true,
  })
  const answering = new WeakSet<WebSocket>()
  server.on('upgrade', (request, socket, head) => {
    const status = statusOf(request, options, sockets.clients.size)
    if (status !== null) {
      hangUp(socket, status)
      return
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      answering.add(client)
      client.on('pong', () => answering.add(client))
      serve(client, request.socket.remoteAddress, options, modules)
    })
  })
  const pinging = pingAll(sockets, answering)
  return {
    get clients() {
      return sockets.clients.size
    },
    close() {
      clearInterval(pinging)
      for (const client of sockets.clients) {
        client.close(CLOSE_GOING_AWAY)
        client.terminate()
      }
      sockets.close()
    },
  }
}

function serve(
  client: WebSocket,
  address: string | undefined,
  { limits }: RpcOptions,
  { dispatcher, hub, frames, budgets }: WebSocketModules,
): void {
  const send = (message: string | Uint8Array): void => {
    if (client.readyState !== client.OPEN) return
    client.send(message)
    // What a client does not read is kept for it only so far: the client goes, not the memory.
    if (client.bufferedAmount > limits.outgoingBytes) client.terminate()
  }
  const subscriber = new Subscriber(send, limits.subscriptions)
  hub.add(subscriber)
  const caller = { budget: budgets.of(address), subscriber }
  client.on('message', (message, isBinary) => {
    // One Buffer: `binaryType` is left at its default.
    if (isBinary && frames !== null) {
      void frames.answer(message as Buffer, caller.budget).then(send)
      return
    }
    const told = (text: string | null): void => {
      if (text !== null) send(text)
    }
    const answer = dispatcher.answer((message as Buffer).toString('utf8'), caller)
    if (answer instanceof Promise) void answer.then(told)
    else told(answer)
  })
  client.on('error', () => client.terminate())
  client.on('close', () => hub.remove(subscriber))
}

/** Drops connections whose other end is gone without a word. */
function pingAll(sockets: WebSocketServer, answering: WeakSet<WebSocket>): NodeJS.Timeout {
  const timer = setInterval(() => {
    for (const client of sockets.clients) {
      if (!answering.delete(client)) {
        client.terminate()
        continue
      }
      client.ping()
    }
  }, PING_MS)
  return timer.unref()
}

/** An HTTP status instead of an upgrade; null: go on. */
function statusOf(
  { headers, url }: IncomingMessage,
  options: RpcOptions,
  clients: number,
): string | null {
  if (!isHostAllowed(headers.host, options.allowedHosts)) return '403 Forbidden'
  if (!isOriginAllowed(headers.origin, options.corsOrigins)) return '403 Forbidden'
  if (url === undefined || !/^\/(\?|$)/.test(url)) return '404 Not Found'
  return clients >= options.limits.webSocketClients ? '503 Service Unavailable' : null
}

function hangUp(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
