// Keys of people who have something in the fake NexusCore, and engine tables with all types for clients.
import { exchangeTable } from '../../coprocessors/exchange/index.ts'
import { ledgerTable } from '../../coprocessors/ledger/index.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { addressOfPrivateKey } from '../../core/primitives/signature.ts'

const keyOf = (label: string): Uint8Array => keccak256(new TextEncoder().encode(`key of ${label}`))

export const alice = { key: keyOf('alice'), address: addressOfPrivateKey(keyOf('alice')) }
export const bob = { key: keyOf('bob'), address: addressOfPrivateKey(keyOf('bob')) }
/** Has no account. */
export const stranger = { key: keyOf('stranger'), address: addressOfPrivateKey(keyOf('stranger')) }

export const engineTables = { ledger: ledgerTable, exchange: exchangeTable }

/** A limit order of market 0 that rests where nothing crosses it. */
export const order = (
  side: 'buy' | 'sell',
  price: number,
  size: number,
  timeInForce: 'GTC' | 'IOC' | 'POST_ONLY' = 'GTC',
) => ({
  market: 0,
  side,
  price,
  size,
  timeInForce,
  expiry: 0,
  clientId: 0n,
  selfTrade: 'cancelMaker' as const,
})
