import { toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { GENESIS_FORMAT } from '../../../genesis/genesis.ts'

export const publicKeyHex = (seed: number): string =>
  `0x${toHex(signatures.publicKeyOf(keccak256(Uint8Array.of(seed))))}`

// Plain JSON data that tests change at will before it is written out.
export type Json = { [key: string]: Json } | Json[] | string | number | boolean | null
export type Document = { [key: string]: Json }

/** A small valid document; every call gives a fresh copy. */
export const validDocument = (): Document => ({
  format: GENESIS_FORMAT,
  chainId: 3940,
  genesisTime: '2026-01-31T12:00:00.250Z',
  validators: [
    { name: 'alice', publicKey: publicKeyHex(1), power: 10 },
    { name: 'bob', publicKey: publicKeyHex(2), power: 20 },
  ],
  consensus: {
    maxBlockBytes: 2_097_152,
    maxBlockGas: 120_000_000,
    emptyBlockIntervalMs: 1_000,
    precisionMs: 500,
    messageDelayMs: 2_000,
    evidenceMaxAgeMs: 172_800_000,
    evidenceMaxAgeBlocks: 172_800,
    baseFeeRecipient: 'burn',
    tipRecipient: 'proposer',
  },
  evm: { hardfork: 'prague', baseFeePerGas: '1000000000' },
  accounts: [
    { address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266', balance: '10000000000000000000000' },
    {
      address: '0x4e59b44847b379578588920cA78FbF26c0B4956C',
      code: '0x6000',
      storage: { '0x1': '0xff', '0x0': '0x01' },
    },
  ],
})

/** Puts `value` at a path such as `accounts.0.balance`; undefined deletes. */
export function put(document: Document, path: string, value: Json | undefined): Document {
  const keys = path.split('.')
  const last = keys.pop() as string
  let at = document as { [key: string]: Json }
  for (const key of keys) at = at[key] as { [key: string]: Json }
  if (value === undefined) delete at[last]
  else at[last] = value
  return document
}
