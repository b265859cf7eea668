import type { StateEdit } from '../core/chain/stateEdit.ts'
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

/** EIP-7623: no transaction without code to run needs more. */
const BASE_GAS = 21_000n
const GAS_PER_BYTE = 40n

/** Changes an account by a transaction of the faucet, which every node of a devnet understands; null when its block is there. */
export async function editState(
  modules: Modules,
  edit: StateEdit,
  deadline: Deadline,
): Promise<Outcome<null>> {
  const { backend, devnet, signer, receipts, options } = modules
  const { to, data } = devnet.editOf(edit)
  const sent = await signer.send(
    {
      ...{ from: devnet.faucet, nonce: null, type: 2 },
      message: {
        ...{ from: devnet.faucet, to, data, value: 0n },
        gas: BASE_GAS + GAS_PER_BYTE * BigInt(data.length),
        gasPrice: null,
        maxFeePerGas: null,
        maxPriorityFeePerGas: null,
        accessList: [],
        authorizations: [],
      },
    },
    deadline,
  )
  if (!sent.ok) return sent
  const timeoutMs = options.limits.syncMs
  if (!(await receipts.wait(sent.value, timeoutMs)))
    return fail({ code: 'SYNC_TIMED_OUT', hash: sent.value, timeoutMs })
  return hasSucceeded(backend, sent.value)
    ? { ok: true, value: null }
    : fail({ code: 'STATE_NOT_EDITED', address: edit.address })
}

function hasSucceeded(backend: RpcBackend, hash: Uint8Array): boolean {
  const place = backend.location(hash)
  const block = place === null ? null : backend.block(place.height)
  return block?.transactions[place?.index ?? -1]?.receipt.status === 1
}
