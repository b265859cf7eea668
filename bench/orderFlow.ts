import { exchange } from '../coprocessors/exchange/index.ts'
import { ledger } from '../coprocessors/ledger/index.ts'
import type { ActionCall } from '../core/chain/action.ts'
import { encodeArgs } from '../core/host/fieldCodec.ts'
import { signEnvelope } from '../core/host/typedData.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { addressOfPrivateKey } from '../core/primitives/signature.ts'
import { coreRegistry } from '../node/engines/registry.ts'

export type Bot = { readonly privateKey: Uint8Array; readonly address: Uint8Array }
export type SignedOrders = { readonly bytes: Uint8Array; readonly hash: Uint8Array }

/** NXS against USDX on a devnet: a lot is worth about 1 USDX. */
const MARKET = 2
const [USDX, NXS] = [0, 1]
const MID = 1_000
const SPREAD = 20
const MAX_FEE = 1_000_000

export const botOf = (privateKey: Uint8Array): Bot => ({
  privateKey,
  address: addressOfPrivateKey(privateKey),
})

/** Most of what a devnet gives an account goes to the exchange, the rest pays fees. */
export const depositsOf = (): ActionCall[] =>
  [USDX, NXS].map((asset) => ({
    engine: ledger.id,
    fn: ledger.publicFns.depositTo?.id ?? 0,
    args: encodeArgs(ledger.publicFns.depositTo?.args ?? {}, {
      engine: exchange.id,
      asset,
      amount: 900_000_000_000,
    }),
  }))

/**
 * Half of the orders rest around a price that stays, half take what is there, a little more than came:
 * the book stays as small as a busy one, and most orders end in a trade.
 */
export function createFlow(seed: number): (count: number) => ActionCall[] {
  let state = seed >>> 0
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const { placeOrder } = exchange.publicFns
  const order = (): ActionCall => {
    const isBuy = random(2) === 0
    const isTaker = random(2) === 0
    const offset = isTaker ? -SPREAD : 1 + random(SPREAD)
    return {
      engine: exchange.id,
      fn: placeOrder?.id ?? 0,
      args: encodeArgs(placeOrder?.args ?? {}, {
        market: MARKET,
        side: isBuy ? 'buy' : 'sell',
        price: isBuy ? MID - offset : MID + offset,
        size: (isTaker ? 3 : 2) + random(8),
        timeInForce: isTaker ? 'IOC' : 'GTC',
        expiry: 0,
        clientId: 0n,
        selfTrade: 'cancelMaker',
      }),
    }
  }
  return (count) => Array.from({ length: count }, order)
}

/** One compact envelope; about 60 µs and 1 µs a call. */
export function signCalls(
  bot: Bot,
  nonce: number,
  options: { readonly chainId: number; readonly actions: readonly ActionCall[] },
): SignedOrders {
  const envelope = {
    ...options,
    signer: bot.address,
    nonce,
    expiresAfter: null,
    maxFee: MAX_FEE,
    atomic: false,
  }
  const signed = signEnvelope(envelope, 'compact', bot.privateKey, coreRegistry.engines)
  if (!signed.ok) throw new Error(signed.code)
  return { bytes: signed.value, hash: keccak256(signed.value) }
}
