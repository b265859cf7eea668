import * as fs from 'node:fs'
import { type FastifyInstance, fastify } from 'fastify'
import { NexusError } from '../../core/primitives/errors.ts'
import { type AdminActions, adminMethods } from './adminMethods.ts'

export type AdminServer = { close(): Promise<void> }

/** Far above any call. */
const MAX_BODY_BYTES = 16 * 1024
/** `sun_path` of Linux holds 108 bytes with the final zero, that of macOS 104. */
const MAX_PATH_BYTES = 103
const SOCKET_MODE = 0o600

/**
 * What may be asked of a node by the user it runs as, and by nobody else: a socket in its home, which
 * only that user may enter. Never a port, so there is nothing to guess and nothing for a browser to
 * reach. Throws ADMIN_SOCKET.
 */
export async function startAdminServer(path: string, actions: AdminActions): Promise<AdminServer> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES)
    throw socketError(path, `a socket's path has at most ${MAX_PATH_BYTES} bytes`)
  const server = createAdminRoutes(actions)
  try {
    // Whoever left it there is gone: this process holds the lock of the home.
    fs.rmSync(path, { force: true })
    await server.listen({ path })
    fs.chmodSync(path, SOCKET_MODE)
  } catch (error) {
    await server.close()
    throw socketError(path, error instanceof Error ? error.message : String(error))
  }
  return { close: () => server.close() }
}

/** The routes without a socket, for tests. */
export function createAdminRoutes(actions: AdminActions): FastifyInstance {
  const server = fastify({ bodyLimit: MAX_BODY_BYTES, forceCloseConnections: true })
  const methods = adminMethods(actions)
  server.post('/', async ({ body }) => {
    const { id = null, method, params = [] } = callOf(body)
    const answer = { jsonrpc: '2.0', id }
    const run = typeof method === 'string' ? methods.get(method) : undefined
    if (run === undefined)
      return { ...answer, error: errorOf(-32_601, 'ADMIN_METHOD', `there is no method ${method}`) }
    try {
      return { ...answer, result: await run(Array.isArray(params) ? params : []) }
    } catch (error) {
      if (!(error instanceof NexusError)) throw error
      return { ...answer, error: errorOf(-32_602, error.detail.code, error.message) }
    }
  })
  return server
}

type Call = { readonly id?: unknown; readonly method?: unknown; readonly params?: unknown }
const callOf = (body: unknown): Call => (typeof body === 'object' && body !== null ? body : {})

const errorOf = (number: number, code: string, message: string) => ({
  code: number,
  message,
  data: { code },
})

const socketError = (path: string, reason: string): NexusError =>
  new NexusError({ code: 'ADMIN_SOCKET', path, reason }, { message: `${path}: ${reason}` })
