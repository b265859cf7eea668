import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { NexusError } from '../../core/primitives/errors.ts'
import { createSecretFile, readSecretFile } from './files.ts'
import { readKeyDocument } from './keyDocument.ts'

const TYPE = 'nexus-node-key'

export type NodeKey = Ed25519PrivateKey

/** The key that proves a peer id; it identifies a machine, not a validator, and signs no block. */
export const generateNodeKey = (): Promise<NodeKey> => generateKeyPair('Ed25519')

export const peerIdOf = (key: NodeKey): string => peerIdFromPrivateKey(key).toString()

/** FILE_EXISTS when there is one: others reach this node by its peer id. */
export function saveNodeKey(file: string, key: NodeKey): void {
  const document = {
    type: TYPE,
    peerId: peerIdOf(key),
    privateKey: Buffer.from(privateKeyToProtobuf(key)).toString('base64'),
  }
  createSecretFile(file, `${JSON.stringify(document, null, 2)}\n`)
}

/** KEY_INVALID when the parts of the file do not belong together, and the codes of `readSecretFile`. */
export function loadNodeKey(file: string): NodeKey {
  const document = readKeyDocument(readSecretFile(file), file, {
    type: TYPE,
    keys: ['peerId', 'privateKey'],
  })
  const key = decodeKey(document('privateKey'))
  if (key === null) throw keyError(file, 'privateKey is not an Ed25519 key in libp2p protobuf')
  if (document('peerId') !== peerIdOf(key)) throw keyError(file, 'peerId is not that of privateKey')
  return key
}

function decodeKey(text: string): NodeKey | null {
  try {
    const key = privateKeyFromProtobuf(Buffer.from(text, 'base64'))
    return key.type === 'Ed25519' ? key : null
  } catch {
    return null
  }
}

const keyError = (file: string, reason: string): NexusError =>
  new NexusError({ code: 'KEY_INVALID', path: file, reason }, { message: `${file}: ${reason}` })
