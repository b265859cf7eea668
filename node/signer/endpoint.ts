import { once } from 'node:events'
import * as fs from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { createConnection, type Socket } from 'node:net'
import * as path from 'node:path'
import { NexusError } from '../../core/primitives/errors.ts'
import { assertPrivateDirectory } from '../keys/files.ts'
import { formatSignerAddress, type SignerAddress } from './address.ts'

/**
 * Listens; returns the address with the port in use. A socket file that a killed signer left is
 * removed. SIGNER_SOCKET, SECRET_PERMISSIONS.
 */
export async function openEndpoint(server: Server, address: SignerAddress): Promise<SignerAddress> {
  const failed = once(server, 'error').then(([error]) => {
    throw socketError(address, error instanceof Error ? error.message : String(error))
  })
  failed.catch(() => {})
  const listening = once(server, 'listening')
  if (address.kind === 'tcp') server.listen({ host: address.host, port: address.port })
  else {
    // The directory decides who can connect: not every system heeds the mode of a socket.
    assertPrivateDirectory(path.dirname(address.path))
    await removeStale(address)
    server.listen({ path: address.path })
  }
  await Promise.race([listening, failed])
  if (address.kind === 'tcp') return { ...address, port: (server.address() as AddressInfo).port }
  fs.chmodSync(address.path, 0o600)
  return address
}

export const connectTo = (address: SignerAddress): Socket =>
  address.kind === 'unix'
    ? createConnection({ path: address.path })
    : createConnection({ host: address.host, port: address.port })

async function removeStale(address: Extract<SignerAddress, { kind: 'unix' }>): Promise<void> {
  const stat = fs.lstatSync(address.path, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isSocket()) throw socketError(address, 'there is a file that is not a socket')
  if (await isServed(address)) throw socketError(address, 'another process listens there')
  fs.unlinkSync(address.path)
}

/** Whoever was killed left the file; nobody accepts behind it. */
async function isServed(address: SignerAddress): Promise<boolean> {
  const socket = connectTo(address)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

const socketError = (address: SignerAddress, reason: string): NexusError =>
  new NexusError(
    { code: 'SIGNER_SOCKET', address: formatSignerAddress(address), reason },
    { message: `cannot listen on ${formatSignerAddress(address)}: ${reason}` },
  )
