import * as os from 'node:os'
import * as path from 'node:path'

/** Where a signer keeps its files. */
export type SignerPaths = {
  readonly home: string
  readonly validatorKey: string
  /** Shared with the node, which has a copy. */
  readonly secret: string
  /** The last signature; an old copy of it is how a validator signs twice. */
  readonly lastSigned: string
  readonly lock: string
}

export function signerPaths(home: string): SignerPaths {
  return {
    home,
    validatorKey: path.join(home, 'validator.json'),
    secret: path.join(home, 'secret'),
    lastSigned: path.join(home, 'last-signed'),
    lock: path.join(home, 'signer.lock'),
  }
}

/** Beside the node's files, where a node looks for a signer unless told otherwise. */
export const defaultSignerHome = (): string => path.join(os.homedir(), '.nexus', 'node', 'signer')

export const DEFAULT_SOCKET = 'signer.sock'
