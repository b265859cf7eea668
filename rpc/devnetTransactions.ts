import type { RpcBackend } from './backend.ts'
import type { Deadline } from './deadline.ts'
import type { DevnetBackend, UnsignedTransaction } from './devnetBackend.ts'
import { FeeOracle } from './fees.ts'
import type { RpcOptions } from './options.ts'
import { fail, type Outcome } from './outcome.ts'
import { NO_BLOCK_OVERRIDES } from './params/overrides.ts'
import type { TransactionRequest } from './params/transactionRequest.ts'

export type Completed = { readonly transaction: UnsignedTransaction; readonly raw: Uint8Array }

/** Completes and signs what the accounts of a devnet are asked to send: nonce, gas, fees. */
export class TransactionSigner {
  readonly #backend: RpcBackend
  readonly #devnet: DevnetBackend
  readonly #oracle: FeeOracle
  /** One after the other: the next nonce is known when the pool has taken the one before. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    { backend, options }: { readonly backend: RpcBackend; readonly options: RpcOptions },
    devnet: DevnetBackend,
  ) {
    this.#backend = backend
    this.#devnet = devnet
    this.#oracle = new FeeOracle(backend, options.suggestedTip)
  }

  sign(request: TransactionRequest, deadline: Deadline): Promise<Outcome<Completed>> {
    return this.#inTurn(() => this.#complete(request, deadline))
  }

  /** The hash, once the pool has it. */
  send(request: TransactionRequest, deadline: Deadline): Promise<Outcome<Uint8Array>> {
    return this.#inTurn(async () => {
      const completed = await this.#complete(request, deadline)
      return completed.ok ? this.#backend.submit(completed.value.raw) : completed
    })
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#last.then(run)
    this.#last = result.catch(() => undefined)
    return result
  }

  async #complete(request: TransactionRequest, deadline: Deadline): Promise<Outcome<Completed>> {
    const { from, message, type } = request
    const gas = await this.#gasOf(request, deadline)
    if (!gas.ok) return gas
    const nonce = request.nonce === null ? await this.#nonceOf(from) : request.nonce
    const { to, value, data, accessList, authorizations } = message
    const transaction: UnsignedTransaction = {
      ...{ type, nonce, gas: gas.value, to, value, data, accessList, authorizations },
      ...this.#feesOf(request),
    }
    const raw = this.#devnet.signTransaction(from, transaction)
    return raw === null
      ? fail({ code: 'ACCOUNT_LOCKED', address: from })
      : { ok: true, value: { transaction, raw } }
  }

  async #gasOf({ message }: TransactionRequest, deadline: Deadline): Promise<Outcome<bigint>> {
    if (message.gas !== null) return { ok: true, value: message.gas }
    return this.#backend.estimateGas({
      message,
      height: this.#backend.height(),
      stateOverrides: [],
      blockOverrides: NO_BLOCK_OVERRIDES,
      deadline,
    })
  }

  /** The pool first: its answer arrives after the block that it may have emptied itself into. */
  async #nonceOf(from: Uint8Array): Promise<number> {
    const pooled = await this.#backend.pendingNonce(from)
    const state = this.#backend.state(this.#backend.height(), (reader) => reader.nonce(from))
    return Math.max(pooled ?? 0, state.ok ? state.value : 0)
  }

  /** As wallets do: twice the base fee lasts for six full blocks. */
  #feesOf({
    message,
    type,
  }: TransactionRequest): Pick<UnsignedTransaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'> {
    const baseFee = this.#backend.nextBaseFee(this.#backend.height())
    if (type < 2) {
      const price = message.gasPrice ?? baseFee + this.#oracle.tip()
      return { maxFeePerGas: price, maxPriorityFeePerGas: price }
    }
    const tip = message.maxPriorityFeePerGas ?? this.#oracle.tip()
    const cap = message.maxFeePerGas ?? 2n * baseFee + tip
    return { maxFeePerGas: cap, maxPriorityFeePerGas: tip < cap ? tip : cap }
  }
}
