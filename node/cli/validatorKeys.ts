import * as fs from 'node:fs'
import { toHex } from '../../core/primitives/bytes.ts'
import { checksumAddress } from '../../genesis/index.ts'
import type { HomePaths } from '../config/paths.ts'
import { randomBytesOf } from '../home.ts'
import { nodeKeyFiles } from '../keys/nodeKey.ts'
import {
  generateValidatorKey,
  type ValidatorIdentity,
  type ValidatorKey,
  validatorIdentityIn,
  validatorKeyFiles,
} from '../keys/validatorKey.ts'
import { type CliContext, json } from './context.ts'

/** The validator key of a home: the one there is, or a new one, encrypted when there is a password. */
export async function ensureValidator(
  file: string,
  password: Uint8Array | null,
): Promise<ValidatorIdentity> {
  if (!fs.existsSync(file)) {
    const key = generateValidatorKey(randomBytesOf)
    await saveValidator(file, key, password)
    key.privateKey.fill(0)
  }
  return validatorIdentityIn(file)
}

/** FILE_EXISTS. */
export async function saveValidator(
  file: string,
  key: ValidatorKey,
  password: Uint8Array | null,
): Promise<void> {
  if (password === null) validatorKeyFiles.save(file, key)
  else await validatorKeyFiles.saveEncrypted(file, key, password)
}

/** Writes what others may know of the keys of a home. */
export function writeIdentity(
  paths: HomePaths,
  options: { readonly json?: true },
  context: CliContext,
): void {
  const validator = validatorIdentityIn(paths.validatorKey)
  const identity = {
    address: checksumAddress(validator.address),
    publicKey: `0x${toHex(validator.publicKey)}`,
    peerId: nodeKeyFiles.inspect(paths.nodeKey).publicMembers.get('peerId') ?? '',
    encrypted: validator.encrypted,
  }
  const lines = [
    `validator address  ${identity.address}`,
    `public key         ${identity.publicKey}`,
    `peer id            ${identity.peerId}`,
    `validator key      ${identity.encrypted ? 'encrypted' : 'not encrypted'}`,
  ]
  context.write(options.json ? json(identity) : lines.join('\n'))
}
