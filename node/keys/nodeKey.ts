import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import type { KeyKind } from './keyDocument.ts'
import { KeyFiles } from './keyFile.ts'

export type NodeKey = Ed25519PrivateKey

/** The key that proves a peer id; it identifies a machine, not a validator, and signs no block. */
export const generateNodeKey = (): Promise<NodeKey> => generateKeyPair('Ed25519')

export const peerIdOf = (key: NodeKey): string => peerIdFromPrivateKey(key).toString()

const nodeKeyKind: KeyKind<NodeKey> = {
  type: 'nexus-node-key',
  what: 'an Ed25519 key in libp2p protobuf',
  publicOf: (key) => ({ peerId: peerIdOf(key) }),
  keystoreForm: (_, value) => value,
  secretOf: (key) => privateKeyToProtobuf(key),
  formatSecret: (secret) => Buffer.from(secret).toString('base64'),
  parseSecret: (text) => Buffer.from(text, 'base64'),
  decode: decodeKey,
}

/** The key files of nodes; FILE_EXISTS on saving: others reach this node by its peer id. */
export const nodeKeyFiles = new KeyFiles(nodeKeyKind, ['peerId'])

export const saveNodeKey = (file: string, key: NodeKey): void => nodeKeyFiles.save(file, key)

/** Of a file that is not encrypted. KEY_ENCRYPTED, KEY_INVALID, and the codes of `readSecretFile`. */
export const loadNodeKey = (file: string): NodeKey => nodeKeyFiles.load(file)

function decodeKey(secret: Uint8Array): NodeKey | null {
  try {
    const key = privateKeyFromProtobuf(secret)
    return key.type === 'Ed25519' ? key : null
  } catch {
    return null
  }
}
