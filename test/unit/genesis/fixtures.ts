import { toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { GENESIS_FORMAT, type Genesis } from '../../../genesis/genesis.ts'
import { parseGenesis } from '../../../genesis/parse.ts'
import { formatProblems } from '../../../genesis/problems.ts'

export const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
export const LEDGER = `0x${'0'.repeat(37)}801`

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

/** Two assets, a balance and a market. */
export const withCore = (): Document =>
  put(validDocument(), 'core', {
    gasPrice: { initial: 2, floor: 1, cap: 10 },
    assets: [{ symbol: 'USDX' }, { symbol: 'NXS' }],
    balances: [{ address: ADDRESS, asset: 'USDX', amount: 5 }],
    exchange: {
      markets: [
        {
          base: 'NXS',
          quote: 'USDX',
          tickSize: 10_000,
          lotSize: 1_000_000,
          minNotional: 1_000_000,
          maxOrder: 1_000_000,
          maxPrice: 100_000,
          referencePrice: 1_000,
        },
      ],
    },
  })

export const textOf = (document: Json): string => JSON.stringify(document)

export function genesisOf(document: Json): Genesis {
  const parsed = parseGenesis(textOf(document))
  if (!parsed.ok) throw new Error(formatProblems(parsed.problems))
  return parsed.value
}

/** `CODE path` of every problem. */
export function problemsOf(text: string): string[] {
  const parsed = parseGenesis(text)
  return parsed.ok ? [] : parsed.problems.map(({ code, path }) => `${code} ${path}`)
}
