import { type AbiParameter, getAddress } from 'viem'
import type { Field, Fields } from '../../core/host/fields.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import type { AnyValues } from './fieldArbitraries.ts'

const TYPES = {
  bool: 'bool',
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  int: 'uint64',
  signed: 'int64',
  u128: 'uint128',
  u256: 'uint256',
  address: 'address',
  account: 'address',
  bytes32: 'bytes32',
  bytes: 'bytes',
  text: 'string',
  choice: 'uint8',
} as const

/** The parameters as viem takes them. */
export const viemParams = (fields: Fields): AbiParameter[] =>
  Object.entries(fields).map(([name, field]) =>
    field.kind === 'list'
      ? { name, type: 'tuple[]', components: viemParams(field.of) }
      : { name, type: TYPES[field.kind] },
  )

/** Outside values as viem gives them back. */
export const viemValues = (fields: Fields, values: AnyValues): unknown[] =>
  Object.entries(fields).map(([name, field]) => viemValue(field, values[name]))

function viemValue(field: Field, value: unknown): unknown {
  switch (field.kind) {
    case 'int':
    case 'signed':
      return BigInt(value as number)
    case 'address':
    case 'account':
      return getAddress(`0x${toHex(value as Uint8Array)}`)
    case 'bytes32':
    case 'bytes':
      return `0x${toHex(value as Uint8Array)}`
    case 'choice':
      return field.of.indexOf(value as string)
    case 'list':
      return (value as readonly AnyValues[]).map((one) =>
        Object.fromEntries(
          Object.entries(field.of).map(([name, of]) => [name, viemValue(of, one[name])]),
        ),
      )
    default:
      return value
  }
}
