import type { RpcBackend } from './backend.ts'
import type { Deadline } from './deadline.ts'
import type { DevnetBackend } from './devnetBackend.ts'
import type { TransactionSigner } from './devnetTransactions.ts'
import type { RpcOptions } from './options.ts'
import { fail, type Outcome } from './outcome.ts'
import type { ReceiptWaiters } from './receiptWaiters.ts'

type Modules = {
  readonly backend: RpcBackend
  readonly receipts: ReceiptWaiters
  readonly options: RpcOptions
  readonly devnet: DevnetBackend
  readonly signer: TransactionSigner
}

type Wanted = { readonly who: Uint8Array; readonly wei: bigint; readonly deadline: Deadline }

/** Gas of a transfer to an account without code. */
const TRANSFER_GAS = 21_000n

/** What is in flight while one is under way is made up for by another. */
const MAX_TRANSFERS = 3

/**
 * Brings an account to a balance by ordinary transactions in blocks: from the faucet when it has
 * less; to the faucet when it has more and is one of the accounts. Null when the block is there.
 */
export async function setBalance(modules: Modules, wanted: Wanted): Promise<Outcome<null>> {
  for (let i = 0; i < MAX_TRANSFERS; i++) {
    const now = balanceOf(modules.backend, wanted.who)
    if (now === wanted.wei) break
    const moved = await transfer(modules, wanted, now)
    if (!moved.ok) return moved
  }
  return { ok: true, value: null }
}

async function transfer(modules: Modules, wanted: Wanted, now: bigint): Promise<Outcome<null>> {
  const { backend, devnet, signer, receipts, options } = modules
  const { who, wei, deadline } = wanted
  const { faucet } = devnet
  const sent = await signer.send(
    now > wei
      ? returned(backend, { ...wanted, faucet, now })
      : {
          ...{ from: faucet, nonce: null, type: 2 },
          message: messageOf({ from: faucet, to: who, value: wei - now }),
        },
    deadline,
  )
  if (!sent.ok)
    return sent.failure.code === 'ACCOUNT_LOCKED'
      ? fail({ code: 'BALANCE_NOT_LOWERED', address: who, balance: now })
      : sent
  const timeoutMs = options.limits.syncMs
  return (await receipts.wait(sent.value, timeoutMs))
    ? { ok: true, value: null }
    : fail({ code: 'SYNC_TIMED_OUT', hash: sent.value, timeoutMs })
}

/** The fee is known to the wei: a legacy transfer pays its price, whatever the base fee. */
function returned(
  backend: RpcBackend,
  { who, wei, faucet, now }: Wanted & { readonly faucet: Uint8Array; readonly now: bigint },
): Parameters<TransactionSigner['send']>[0] {
  const gasPrice = 2n * backend.nextBaseFee(backend.height())
  const surplus = now - wei - TRANSFER_GAS * gasPrice
  const value = surplus > 0n ? surplus : 0n
  const message = { ...messageOf({ from: who, to: faucet, value }), gas: TRANSFER_GAS, gasPrice }
  return { from: who, nonce: null, type: 0, message }
}

const messageOf = (transfer: {
  readonly from: Uint8Array
  readonly to: Uint8Array
  readonly value: bigint
}) => ({
  ...transfer,
  gas: null,
  gasPrice: null,
  maxFeePerGas: null,
  maxPriorityFeePerGas: null,
  data: new Uint8Array(0),
  accessList: [],
  authorizations: [],
})

function balanceOf(backend: RpcBackend, who: Uint8Array): bigint {
  const state = backend.state(backend.height(), (reader) => reader.balance(who))
  return state.ok ? state.value : 0n
}
