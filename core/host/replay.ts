import { bigintToBytes, bytesToBigint } from '../primitives/bytes.ts'
import {
  bytes,
  type Codec,
  fixedBytes,
  int,
  list,
  mapped,
  struct,
  u8,
  u16,
} from '../primitives/codec.ts'
import { LIMITS } from '../primitives/limits.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import type { SystemOutcome } from './corePort.ts'

/** An EVM call into an engine that stood: enough to do it again without an EVM. */
export type ReplayCall = {
  readonly engine: number
  readonly caller: Uint8Array
  /** Wei. */
  readonly value: bigint
  readonly data: Uint8Array
  /** Core gas that the call could use: a function may look at it. */
  readonly gasLimit: number
}

/**
 * All that the EVM told Core during one block, in the order in which it did. With the block itself
 * it rebuilds Core's state. Gas is Core gas of the block so far by engine, in registry order:
 * reverted calls cost gas too, and a replay does not make them.
 */
export type ReplayRecord = {
  /** By what system transactions called: before their outcomes and the signed actions. */
  readonly systemCalls: readonly ReplayCall[]
  readonly systemGas: readonly number[]
  readonly outcomes: readonly SystemOutcome[]
  /** By transactions. */
  readonly calls: readonly ReplayCall[]
  readonly gas: readonly number[]
  readonly burnedWei: bigint
}

const STATUS = ['success', 'revert', 'outOfGas'] as const
const u256: Codec<bigint> = mapped(fixedBytes(32), bytesToBigint, (value) =>
  bigintToBytes(value, 32),
)
/** A block's gas bounds calldata: 4 gas for a zero byte, of at most 2^32. */
const CALLDATA_BYTES = LIMITS.blockGas / 4

/** Gas bounds them: an EVM call of an engine takes 500. */
const calls: Codec<readonly ReplayCall[]> = list(
  struct<ReplayCall>({
    engine: u16,
    caller: fixedBytes(ADDRESS_LENGTH),
    value: u256,
    data: bytes(CALLDATA_BYTES),
    gasLimit: int,
  }),
  0xffffffff,
)
const gas: Codec<readonly number[]> = list(int, LIMITS.coprocessors)

export const replayRecordCodec: Codec<ReplayRecord> = struct<ReplayRecord>({
  systemCalls: calls,
  systemGas: gas,
  outcomes: list(
    struct<SystemOutcome>({
      nonce: int,
      status: mapped(
        u8,
        (tag, reader) => {
          const status = STATUS[tag]
          if (status === undefined) reader.fail('BAD_TAG')
          return status ?? 'success'
        },
        (status) => STATUS.indexOf(status),
      ),
      returnData: bytes(CALLDATA_BYTES),
    }),
    LIMITS.blockMessages,
  ),
  calls,
  gas,
  burnedWei: u256,
})
