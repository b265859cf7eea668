import { request } from 'node:http'
import { NexusError } from '../../core/primitives/errors.ts'
import { homePaths } from '../config/paths.ts'
import { loadNodeConfig, type NodeConfig } from '../config.ts'
import { assertHome } from '../home.ts'
import { readTextFileIfPresent } from '../keys/files.ts'
import type { CliContext } from './context.ts'
import { resolveHome } from './context.ts'

/** Where a node answers: a port of HTTP, or a socket in its home. */
export type NodeTarget =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'socket'; readonly path: string }

/** An answer larger than this is not a node's. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024

/** One JSON-RPC call. NODE_UNREACHABLE when nothing answers in time, NODE_ANSWER when it says no or is no node. */
export async function callNode<T>(
  target: NodeTarget,
  method: string,
  params: readonly unknown[] = [],
  timeoutMs = 5_000,
): Promise<T> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const text = await exchange(target, { path: '/', body, timeoutMs })
  const answer = parsed(text, target)
  const { error, result } = answer as { readonly error?: RpcError; readonly result?: unknown }
  if (error === undefined) return result as T
  const { message = 'no reason given', data } = error
  const code = typeof data?.code === 'string' ? data.code : 'NODE_ANSWER'
  throw new NexusError(
    { code, method, node: nameOf(target) },
    { message: `${nameOf(target)} answered ${method} with: ${message}` },
  )
}

type RpcError = { readonly message?: string; readonly data?: { readonly code?: unknown } }

/** The JSON of a path, whatever status it comes with. NODE_UNREACHABLE, NODE_ANSWER. */
export async function getJson<T>(target: NodeTarget, path: string, timeoutMs = 5_000): Promise<T> {
  return parsed(await exchange(target, { path, body: null, timeoutMs }), target) as T
}

const nameOf = (target: NodeTarget): string =>
  target.kind === 'url' ? target.url : `the node behind ${target.path}`

type Exchange = { readonly path: string; readonly body: string | null; readonly timeoutMs: number }

function exchange(target: NodeTarget, { path, body, timeoutMs }: Exchange): Promise<string> {
  return new Promise((resolve, reject) => {
    const unreachable = (reason: string): void =>
      reject(
        new NexusError(
          { code: 'NODE_UNREACHABLE', node: nameOf(target), reason },
          { message: `${nameOf(target)} does not answer: ${reason}` },
        ),
      )
    const place = placeOf(target)
    if (place === null) return unreachable('it is no http:// address')
    const headers = body === null ? {} : { 'content-type': 'application/json' }
    const sent = request(
      { ...place, path, method: body === null ? 'GET' : 'POST', headers, agent: false },
      (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          length += chunk.length
          if (length > MAX_ANSWER_BYTES) sent.destroy(new Error('its answer is too large'))
        })
        response.on('end', () => {
          clearTimeout(timer)
          resolve(Buffer.concat(chunks).toString('utf8'))
        })
      },
    )
    const timer = setTimeout(
      () => sent.destroy(new Error(`nothing within ${timeoutMs} ms`)),
      timeoutMs,
    )
    sent.on('error', (error) => {
      clearTimeout(timer)
      unreachable(
        error.message === '' ? String((error as NodeJS.ErrnoException).code) : error.message,
      )
    })
    sent.end(body ?? undefined)
  })
}

function placeOf(target: NodeTarget) {
  if (target.kind === 'socket') return { socketPath: target.path, host: 'localhost' }
  const url = URL.parse(target.url)
  if (url === null || url.protocol !== 'http:') return null
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : url.port }
}

function parsed(text: string, target: NodeTarget): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {
    // Said below.
  }
  throw new NexusError(
    { code: 'NODE_ANSWER', node: nameOf(target) },
    { message: `${nameOf(target)} does not answer as a node: ${text.slice(0, 80)}` },
  )
}

/** The configuration of a home as the node reads it, without what this shell happens to export. */
export function configOfHome(context: CliContext, home: string | undefined): NodeConfig {
  const directory = resolveHome(context, home)
  const paths = homePaths(directory)
  assertHome(paths)
  const file = readTextFileIfPresent(paths.config)
  return loadNodeConfig({ home: directory, file, environment: {}, flags: new Map() })
}

/** The address that this machine reaches a listening node by. */
export function targetOf({
  host,
  port,
}: {
  readonly host: string
  readonly port: number
}): NodeTarget {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return {
    kind: 'url',
    url: `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`,
  }
}
