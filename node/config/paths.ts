import * as os from 'node:os'
import * as path from 'node:path'

/** Where a node keeps its files; the layout that `docs/operations.md` describes. */
export type HomePaths = {
  readonly home: string
  readonly config: string
  readonly genesis: string
  readonly validatorKey: string
  readonly nodeKey: string
  readonly data: string
  readonly database: string
  readonly wal: string
  /** One directory for each snapshot of the state. */
  readonly snapshots: string
  /** The signer's last signature; deleting it is how a validator signs twice. */
  readonly lastSigned: string
  /** The public key that the remote signer had when it was last there. */
  readonly signerKey: string
  /** The evidence of a fork that this node found, until its operator renames it to the next. */
  readonly fork: string
  readonly acknowledgedFork: string
  /** Peers that are refused, and until when. */
  readonly bans: string
  readonly lock: string
  /** What the user of the node may ask of it while it runs. */
  readonly adminSocket: string
  /** Written by the supervisor of a devnet; a node alone logs to its standard output. */
  readonly log: string
}

export function homePaths(home: string): HomePaths {
  const at = (...parts: string[]): string => path.join(home, ...parts)
  return {
    home,
    config: at('config.json'),
    genesis: at('genesis.json'),
    validatorKey: at('keys', 'validator.json'),
    nodeKey: at('keys', 'node.json'),
    data: at('data'),
    database: at('data', 'db'),
    wal: at('data', 'wal'),
    snapshots: at('data', 'snapshots'),
    lastSigned: at('data', 'last-signed'),
    signerKey: at('data', 'signer-key'),
    fork: at('data', 'fork.json'),
    acknowledgedFork: at('data', 'fork.acknowledged.json'),
    bans: at('data', 'bans.json'),
    lock: at('node.lock'),
    adminSocket: at('admin.sock'),
    log: at('node.log'),
  }
}

/** `~/.nexus/node`, unless told otherwise. */
export const defaultHome = (): string => path.join(os.homedir(), '.nexus', 'node')
