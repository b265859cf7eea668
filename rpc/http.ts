import type { Socket } from 'node:net'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { isHostAllowed, isOriginAllowed } from './access.ts'
import type { ClientBudgets } from './clientBudgets.ts'
import { ConnectionShares } from './connectionShares.ts'
import type { Dispatcher, DispatcherModules } from './dispatcher.ts'
import { FastLane } from './fastLane.ts'
import { HttpAnswers } from './httpAnswers.ts'
import { errorText, type RpcFailure } from './jsonRpc.ts'
import type { RpcOptions } from './options.ts'

const JSON_TYPE = 'application/json'
/** Milliseconds after which a client loses its connection. */
export type HttpTimes = {
  /** It sent no request, or not all headers of one. */
  readonly headersMs: number
  /** It did not send a whole request. */
  readonly requestMs: number
  /** It keeps a connection unused. */
  readonly keepAliveMs: number
  /** It does not read its answer, or waits for one: longer than any answer may take. */
  readonly idleMs: number
  /** How often the first two are looked at. */
  readonly checkMs: number
}
export const defaultHttpTimes: HttpTimes = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 75_000,
  idleMs: 120_000,
  checkMs: 5_000,
}
/** How long a browser may remember the answer to its question, in seconds. */
const PREFLIGHT_SECONDS = 600

export type HttpModules = {
  readonly dispatcher: Dispatcher
  readonly budgets: ClientBudgets
  readonly onRefused: DispatcherModules['onRefused']
  readonly times: HttpTimes
}

/** The HTTP half: POST is JSON-RPC, GET is a hint for people, OPTIONS is for browsers. */
export function createHttp(
  options: RpcOptions,
  { dispatcher, budgets, onRefused, times }: HttpModules,
): FastifyInstance {
  const { limits } = options
  const app = fastify({
    bodyLimit: limits.bodyBytes,
    forceCloseConnections: true,
    connectionTimeout: times.idleMs,
    keepAliveTimeout: times.keepAliveMs,
    requestTimeout: times.requestMs,
    exposeHeadRoutes: false,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: times.headersMs,
      connectionsCheckingInterval: times.checkMs,
      noDelay: true,
    },
  })
  const answers = new HttpAnswers({ dispatcher, onRefused })
  admit(app, options, { answers, budgets, onRefused, times })
  app.removeAllContentTypeParsers()
  // Only this type: a browser asks before it sends it, so no foreign page can post blindly.
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'string' }, (_, body, done) => done(null, body))
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refusalOf(request, options)
    if (refusal !== null) {
      refuse(reply, 403, refusal)
      return
    }
    const { origin } = request.headers
    if (origin !== undefined) {
      reply.header('access-control-allow-origin', origin)
      reply.header('vary', 'Origin')
    }
    const length = Number(request.headers['content-length'] ?? 0)
    if (length > limits.bodyBytes) refuseBody(reply, length)
    else done()
  })
  app.setErrorHandler((error, _, reply) => refuse(reply, ...problemOf(error)))
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, 'not found: JSON-RPC is POST /'))
  app.post('/', async (request, reply) => {
    const body = typeof request.body === 'string' ? request.body : ''
    const budget = budgets.of(request.socket.remoteAddress)
    const { status, text, retryAfter } = await answers.answer(body, budget)
    if (retryAfter !== null) reply.header('retry-after', String(retryAfter))
    return text === null ? reply.code(status).send() : send(reply.code(status), text)
  })
  app.get('/', (_, reply) =>
    reply
      .type('text/plain; charset=utf-8')
      .send('Nexus JSON-RPC: POST application/json here, or open a WebSocket.\n'),
  )
  app.options('/', (_, reply) =>
    reply
      .code(204)
      .header('access-control-allow-methods', 'POST, GET, OPTIONS')
      .header('access-control-allow-headers', 'content-type')
      .header('access-control-max-age', String(PREFLIGHT_SECONDS))
      .send(),
  )
  return app
}

/** Who may connect at all; and what is asked in the plainest form never sees the rest of this file. */
function admit(
  app: FastifyInstance,
  options: RpcOptions,
  modules: {
    readonly answers: HttpAnswers
    readonly budgets: ClientBudgets
    readonly onRefused: DispatcherModules['onRefused']
    readonly times: HttpTimes
  },
): void {
  const { server } = app
  const { answers, budgets, onRefused, times } = modules
  const { limits } = options
  server.maxConnections = limits.connections
  const shares = new ConnectionShares(limits.connectionsPerClient, options.unlimitedClients)
  const lane = new FastLane({
    ...{ options, times },
    answer: (body, budget) => answers.answer(body, budget),
    handOver: (socket) => {
      for (const serve of whole) serve.call(server, socket)
    },
  })
  const whole = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    const release = shares.take(socket.remoteAddress)
    if (release === null) {
      onRefused('TOO_MANY_CONNECTIONS')
      return socket.destroy()
    }
    socket.on('close', release)
    return lane.take(socket, budgets.of(socket.remoteAddress))
  })
  app.addHook('preClose', (done) => {
    lane.close()
    done()
  })
}

/** Larger bodies are not read to their end only to be dropped. */
const MAX_DROPPED_BYTES = 64 * 1024 * 1024

/**
 * Before the body arrives, and without closing: a client that is still sending when the connection
 * goes away never reads why. Node drops what comes of the body.
 */
function refuseBody(reply: FastifyReply, length: number): void {
  if (length > MAX_DROPPED_BYTES) reply.header('connection', 'close')
  refuse(reply, 413, 'request body too large')
}

function refusalOf({ headers }: FastifyRequest, options: RpcOptions): string | null {
  if (!isHostAllowed(headers.host, options.allowedHosts)) return 'this Host is not allowed'
  return isOriginAllowed(headers.origin, options.corsOrigins) ? null : 'this Origin is not allowed'
}

function problemOf(error: unknown): readonly [status: number, problem: string] {
  const { statusCode } = error as { readonly statusCode?: number }
  if (statusCode === 413) return [413, 'request body too large']
  if (statusCode === 415) return [415, 'content type must be application/json']
  return [statusCode !== undefined && statusCode < 500 ? statusCode : 400, 'bad request']
}

function refuse(reply: FastifyReply, status: number, problem: string): void {
  const failure: RpcFailure = { code: 'INVALID_REQUEST', problem }
  send(reply.code(status), errorText(null, failure))
}

const send = (reply: FastifyReply, text: string): FastifyReply =>
  reply.header('content-type', JSON_TYPE).send(text)
