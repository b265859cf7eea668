import { existsSync } from 'node:fs'
import { addressOfPrivateKey } from '../core/primitives/signature.ts'
import type { HomePaths } from './config/paths.ts'
import { LastSignedFile } from './consensus/lastSigned.ts'
import { defaultFileSignerOptions, FileSigner, type Signer } from './consensus/signer.ts'
import { nodeFileSystem } from './storage/fileSystem.ts'

export type SigningOptions = {
  readonly chainId: number
  readonly privateKey: Uint8Array
  readonly paths: HomePaths
}

/**
 * Makes the last-signed state of a home that has never run. Where data exists without it, somebody
 * lost or deleted what keeps this validator from signing twice: nothing is made, and opening the
 * signer then refuses.
 */
export async function ensureLastSigned({
  chainId,
  privateKey,
  paths,
}: SigningOptions): Promise<void> {
  if (existsSync(paths.lastSigned) || existsSync(paths.data)) return
  const identity = { chainId, address: addressOfPrivateKey(privateKey) }
  await LastSignedFile.create(paths.lastSigned, identity, nodeFileSystem)
}

/** The signer of a home's key. Throws LAST_SIGNED_MISSING, LAST_SIGNED_CORRUPT, LAST_SIGNED_OTHER_KEY. */
export function openSigner({ chainId, privateKey, paths }: SigningOptions): Promise<Signer> {
  const statePath = paths.lastSigned
  return FileSigner.open({ ...defaultFileSignerOptions, chainId, privateKey, statePath })
}
