import { SYSTEM_TRANSACTION_TYPE } from '../core/chain/executedBlock.ts'
import type { SystemOutcome, SystemTransaction } from '../core/host/corePort.ts'
import { isTokenAddress } from '../core/host/precompile.ts'
import { bigintToBytes, concatBytes, EMPTY_BYTES } from '../core/primitives/bytes.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { hasCode } from './account.ts'
import type { BlockEnvironment } from './blockEnvironment.ts'
import type { Engine } from './engine.ts'
import { andThen } from './executive.ts'
import {
  finishMessage,
  type Message,
  type MessageOutcome,
  plainRecipient,
  runEither,
} from './message.ts'
import { encodeRlp, quantityBytes } from './rlp.ts'
import type { FlatState } from './state/flatState.ts'
import { SYSTEM_TOKEN_CODE } from './systemTokenCode.ts'

/** Sets our source hashes apart from OP Stack's domains, which are small numbers: "nexus". */
const SOURCE_DOMAIN = 0x6e65787573n

/** Unique on a chain: the block that runs it and its place in Core's queue. */
const sourceHash = (height: number, nonce: number): Uint8Array =>
  keccak256(
    concatBytes(
      bigintToBytes(SOURCE_DOMAIN, 32),
      bigintToBytes(BigInt(height), 32),
      bigintToBytes(BigInt(nonce), 32),
    ),
  )

/**
 * `0x7e ‖ rlp([sourceHash, from, to, mint, value, gas, isSystemTransaction, data])`, as OP Stack's
 * deposits are written, which indexers know: what the block lists. `mint` comes into being at `from` and `value`, as much, goes to `to` with the call.
 */
export function encodeSystemTransaction(
  transaction: SystemTransaction,
  height: number,
): Uint8Array {
  const { nonce, from, to, mint, gasLimit, data } = transaction
  const fields = [
    sourceHash(height, nonce),
    from,
    to,
    quantityBytes(mint),
    quantityBytes(mint),
    quantityBytes(gasLimit),
    EMPTY_BYTES,
    data,
  ]
  return concatBytes(Uint8Array.of(SYSTEM_TRANSACTION_TYPE), encodeRlp(fields))
}

/**
 * Runs what Core queued: no signature, no nonce, no fee, no intrinsic gas. All of it stands or
 * falls: if the call fails, the coins were never minted and Core takes the transfer back.
 */
export function applySystemTransaction(
  engine: Engine,
  environment: BlockEnvironment,
  transaction: SystemTransaction,
): MessageOutcome | Promise<MessageOutcome> {
  const { flat } = engine
  const message = messageOf(transaction)
  flat.startTransaction()
  flat.checkpoint()
  if (transaction.mint > 0n) flat.credit(transaction.from, transaction.mint)
  installToken(flat, transaction.to)
  const plain = plainRecipient(engine, message) !== null
  return andThen(runEither(engine, environment, message), (outcome) => {
    if (outcome.error === null) flat.commit()
    else flat.revert()
    // It paid out what was minted, and nobody else empties it: its nonce never counts.
    flat.sweep(transaction.from)
    if (!plain) finishMessage(engine, outcome)
    return outcome
  })
}

const messageOf = ({ from, to, mint, gasLimit, data }: SystemTransaction): Message => ({
  sender: from,
  to,
  value: mint,
  data,
  gasLimit,
  gasPrice: 0n,
  intrinsicGas: 0,
  floorGas: 0,
  accessList: [],
  authorizations: [],
})

/** The first transfer of an asset that genesis did not know brings its token along. */
function installToken(flat: FlatState, to: Uint8Array): void {
  if (!isTokenAddress(to)) return
  const account = flat.account(to)
  if (account === null || !hasCode(account)) flat.setCode(to, SYSTEM_TOKEN_CODE)
}

/** An exception other than running out of gas is a revert without words: more gas would not help. */
export function systemOutcomeOf(nonce: number, outcome: MessageOutcome): SystemOutcome {
  const { error, returnData } = outcome
  const status = error === null ? 'success' : error === 'out of gas' ? 'outOfGas' : 'revert'
  return { nonce, status, returnData: returnData.slice(0, LIMITS.messageBytes) }
}
