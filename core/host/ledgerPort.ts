import type { Schema, StateOf } from '../arena/schema.ts'
import type { Result } from '../primitives/result.ts'

/** What a call asks of the signer, for an agent's scope. */
export type Authority = {
  readonly engine: number
  readonly fn: number
  readonly needs: 'owner' | 'agent'
  /** Null: no market is concerned. */
  readonly market: number | null
  /** USDX units. */
  readonly spend: number
}

export type Admission = {
  readonly signer: Uint8Array
  readonly nonce: number
  readonly expiresAfter: number | null
  readonly maxFee: number
  readonly calls: readonly Authority[]
}

export type AdmissionCode =
  | 'EXPIRED'
  | 'NONCE_USED'
  | 'NONCE_TOO_OLD'
  | 'NONCE_OUT_OF_WINDOW'
  | 'UNKNOWN_SIGNER'
  | 'NOT_AUTHORIZED'
  | 'AGENT_EXPIRED'
  | 'MARKET_NOT_ALLOWED'
  | 'SPEND_LIMIT'
  | 'INSUFFICIENT_FEE'
  /** More signers within two days than the ledger has rows for. */
  | 'TABLE_FULL'

export type Admitted = {
  /** Ledger id and address of the owner: the signer, or whom the agent signs for. */
  readonly account: number
  readonly owner: Uint8Array
}

/** Amounts of one asset, for the conservation check: evm + core + inFlight = issued − burned. */
export type AssetSupply = {
  readonly asset: number
  /** Sum of all ledger balances, users' and engines'. Core units. */
  readonly core: bigint
  /** On its way into the EVM: debited here, minted there in the next block. Core units. */
  readonly inFlight: bigint
  /** In EVM units (10^−evmDecimals): what the ledger believes to be on the other side. */
  readonly evm: bigint
  /** In EVM units. */
  readonly issued: bigint
  readonly burned: bigint
  readonly coreDecimals: number
  readonly evmDecimals: number
  /** The system ERC-20, or null for the native coin. */
  readonly token: Uint8Array | null
}

/**
 * The ledger as the host uses it directly: accounts, admission and fees are part of executing any
 * action. Everything else the ledger does is reached like any engine.
 */
export type LedgerPort<S extends Schema = Schema> = {
  /** Of the ledger in the registry. */
  readonly engine: number
  /** Dense id of an account, 0 when it does not exist. O(1). */
  idOf(state: StateOf<S>, address: Uint8Array): number
  addressOf(state: StateOf<S>, account: number): Uint8Array
  /** Makes the account if need be; 0 when the table is full. */
  ensureAccount(state: StateOf<S>, address: Uint8Array): number
  /** All checks of `admit`, without effect: for the mempool's door. */
  wouldAdmit(state: StateOf<S>, admission: Admission, time: number): Result<Admitted, AdmissionCode>
  /** Consumes the nonce and sets `maxFee` aside. On a reject nothing changed. */
  admit(state: StateOf<S>, admission: Admission, time: number): Result<Admitted, AdmissionCode>
  /** Gives back `maxFee − fee` and divides `fee` between treasury and burning. `fee` ≤ `maxFee`. */
  settleFee(state: StateOf<S>, account: number, maxFee: number, fee: number): void
  /** USDX units per 1,000 Core gas in this block. */
  gasPrice(state: StateOf<S>): number
  /** EIP-1559-shaped move of the price after a block that used `gasUsed` of `gasLimit`. */
  updateGasPrice(state: StateOf<S>, gasUsed: number, gasLimit: number): void
  supplies(state: StateOf<S>): readonly AssetSupply[]
  /** What the EVM burned of the native coin in this block (base fees, destroyed contracts), in wei. */
  noteEvmBurn(state: StateOf<S>, wei: bigint): void
}
