import { isIPv4, isIPv6 } from 'node:net'
import * as path from 'node:path'
import { NexusError } from '../../core/primitives/errors.ts'

/** Where a signer listens: a file of this machine, or a port of its loopback interface. */
export type SignerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, one of them the end. */
const MAX_PATH = 103

/**
 * `tcp:127.0.0.1:26670`, `tcp:[::1]:26670`, or the path of a socket, relative to `home`.
 * SIGNER_ADDRESS, also for an address that other machines could reach.
 */
export function parseSignerAddress(text: string, home: string): SignerAddress {
  if (!text.startsWith('tcp:')) {
    const resolved = path.resolve(home, text)
    if (Buffer.byteLength(resolved) <= MAX_PATH) return { kind: 'unix', path: resolved }
    throw wrong(text, `the path of a socket has at most ${MAX_PATH} bytes`)
  }
  const match = /^tcp:(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3])
  if (!(port >= 0 && port <= 65_535)) throw wrong(text, 'it is not tcp:HOST:PORT')
  if (!isLoopback(host))
    throw wrong(
      text,
      'a signer listens on loopback only; join two machines with a tunnel (ssh -L, WireGuard)',
    )
  return { kind: 'tcp', host, port }
}

const isLoopback = (host: string): boolean =>
  (isIPv4(host) && host.startsWith('127.')) || (isIPv6(host) && host === '::1')

export const formatSignerAddress = (address: SignerAddress): string =>
  address.kind === 'unix'
    ? address.path
    : `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`

const wrong = (address: string, reason: string): NexusError =>
  new NexusError({ code: 'SIGNER_ADDRESS', address, reason }, { message: `${address}: ${reason}` })
