import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { equalBytes } from '../core/primitives/bytes.ts'
import { addressOfPrivateKey } from '../core/primitives/signature.ts'
import type { NodeConfig } from './config.ts'
import { LastSignedFile } from './consensus/lastSigned.ts'
import { defaultFileSignerOptions, FileSigner, type GuardedSigner } from './consensus/signer.ts'
import { acquireLock } from './lock.ts'
import type { Logger } from './observability/logger.ts'
import type { SignerMetrics } from './observability/signerMetrics.ts'
import { parseSignerAddress } from './signer/address.ts'
import { readKnownKey, writeKnownKey } from './signer/knownKey.ts'
import { defaultRemoteSignerOptions, RemoteSigner } from './signer/remoteSigner.ts'
import { loadSignerSecret } from './signer/secret.ts'
import { nodeFileSystem } from './storage/fileSystem.ts'

export type NodeSignerOptions = {
  readonly config: NodeConfig
  readonly chainId: number
  /** 32 bytes; null: there is none in this process. */
  readonly privateKey: Uint8Array | null
  readonly log: Logger
  readonly metrics: SignerMetrics
  /** See `FileSignerOptions`. */
  readonly canRewind?: boolean
}

/** The signer of a node as its configuration says; null: it observes. */
export async function openNodeSigner(options: NodeSignerOptions): Promise<GuardedSigner | null> {
  const { config, chainId, privateKey, metrics, canRewind = false } = options
  if (config.signer.kind === 'remote') return openRemoteSigner(options)
  if (privateKey === null) return null
  metrics.connected(true)
  const { lastSigned, database, wal } = config.paths
  // A home that has never run, or whose first start ended before the state was there. Where there is
  // a chain without the state, somebody lost or deleted what keeps this validator from signing twice:
  // nothing is made, and opening then refuses.
  if (![lastSigned, database, wal].some((file) => existsSync(file))) {
    const identity = { chainId, address: addressOfPrivateKey(privateKey) }
    await LastSignedFile.create(lastSigned, identity, nodeFileSystem)
  }
  return openFileSigner({ chainId, privateKey, statePath: lastSigned, canRewind })
}

export type FileSignerPlace = {
  readonly chainId: number
  readonly privateKey: Uint8Array
  /** Of the last-signed state. */
  readonly statePath: string
  readonly canRewind?: boolean
}

/**
 * The signer of a key and its last-signed state, which it holds alone, whatever process asks: LOCKED.
 * Throws LAST_SIGNED_MISSING, LAST_SIGNED_CORRUPT, LAST_SIGNED_OTHER_KEY.
 */
export async function openFileSigner(place: FileSignerPlace): Promise<GuardedSigner> {
  const { statePath } = place
  // Without its directory there is no state, and opening says so better than the lock would.
  const hasDirectory = existsSync(path.dirname(statePath))
  const lock = hasDirectory ? acquireLock(`${statePath}.lock`) : null
  const release = (): void => lock?.release()
  process.on('exit', release)
  const end = (): void => {
    release()
    process.off('exit', release)
  }
  try {
    const signer = await FileSigner.open({ ...defaultFileSignerOptions, ...place })
    return {
      publicKey: signer.publicKey,
      address: signer.address,
      signVote: (vote) => signer.signVote(vote),
      signProposal: (proposal) => signer.signProposal(proposal),
      lastSigned: () => signer.lastSigned(),
      ...(place.canRewind === true ? { rewind: (height) => signer.rewind(height) } : {}),
      close: async () => {
        await signer.close()
        end()
      },
    }
  } catch (error) {
    end()
    throw error
  }
}

async function openRemoteSigner(options: NodeSignerOptions): Promise<GuardedSigner> {
  const { config, chainId, metrics } = options
  const log = options.log.child('signer')
  const { home, signerKey } = config.paths
  const knownKey = readKnownKey(signerKey, log)
  const { socket, secretFile, timeoutMs, connectMs } = config.signer
  const signer = await RemoteSigner.open(
    {
      ...defaultRemoteSignerOptions,
      chainId,
      knownKey,
      timeoutMs,
      connectMs,
      address: parseSignerAddress(socket, home),
      secret: loadSignerSecret(path.resolve(home, secretFile)),
    },
    { log, metrics, now: () => performance.now() },
  )
  if (knownKey !== null && !equalBytes(knownKey, signer.publicKey))
    log.warn('The signer has another key than before', { publicKey: signer.publicKey })
  if (knownKey === null || !equalBytes(knownKey, signer.publicKey))
    writeKnownKey(signerKey, signer.publicKey)
  return signer
}
