import { EMPTY_BYTES, equalBytes } from '../../core/primitives/bytes.ts'
import type { AccessListEntry, AuthorizationTuple, CallMessage } from '../backend.ts'
import { address, bytes, hash, quantityOf, uint64, uint256 } from './hex.ts'
import { bad, MemberReader, membersOf, type Parser, parseList } from './parameter.ts'

/** Far beyond what a block's gas pays for. */
const MAX_ENTRIES = 10_000

const wordBytes: Parser<Uint8Array> = (json) => {
  const parsed = uint256(json)
  if (!parsed.ok) return parsed
  const digits = parsed.value === 0n ? '' : parsed.value.toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  return { ok: true, value: new Uint8Array(Buffer.from(even, 'hex')) }
}

const accessListEntry: Parser<AccessListEntry> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  const entry = {
    address: reader.read('address', address, null),
    storageKeys: reader.read('storageKeys', (keys) => parseList(keys, hash, MAX_ENTRIES), []),
  }
  if (reader.problem !== null) return bad(reader.problem)
  if (entry.address === null) return bad('missing address')
  return { ok: true, value: { address: entry.address, storageKeys: entry.storageKeys } }
}

const authorization: Parser<AuthorizationTuple> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  const target = reader.read('address', address, null)
  const tuple = {
    chainId: reader.read('chainId', uint256, 0n),
    nonce: reader.read('nonce', uint64, 0n),
    yParity: reader.read('yParity', quantityOf(8), reader.read('v', quantityOf(8), 0n)),
    r: reader.read('r', wordBytes, EMPTY_BYTES),
    s: reader.read('s', wordBytes, EMPTY_BYTES),
  }
  if (reader.problem !== null) return bad(reader.problem)
  if (target === null) return bad('missing address')
  return { ok: true, value: { ...tuple, address: target } }
}

/** The transaction object of eth_call, eth_estimateGas and eth_createAccessList. */
export const callMessage =
  (chainId: number): Parser<CallMessage> =>
  (json) => {
    const members = membersOf(json)
    if (!members.ok) return members
    const reader = new MemberReader(members.value)
    const payload = payloadOf(reader)
    const accessList = reader.read(
      'accessList',
      (list) => parseList(list, accessListEntry, MAX_ENTRIES),
      [],
    )
    const authorizations = reader.read(
      'authorizationList',
      (list) => parseList(list, authorization, MAX_ENTRIES),
      [],
    )
    const message: CallMessage = {
      from: reader.read('from', address, null),
      to: reader.read('to', address, null),
      gas: reader.read('gas', uint64, null),
      gasPrice: reader.read('gasPrice', uint256, null),
      maxFeePerGas: reader.read('maxFeePerGas', uint256, null),
      maxPriorityFeePerGas: reader.read('maxPriorityFeePerGas', uint256, null),
      value: reader.read('value', uint256, 0n),
      data: payload,
      accessList,
      authorizations,
    }
    // A call never fails for its nonce, but a bad one is a mistake of the caller.
    reader.read('nonce', uint64, null)
    reader.problem ??= contradictionIn(message, reader, chainId)
    return reader.finish(message)
  }

/** `input` is the present name, `data` the old one; many libraries send both. */
function payloadOf(reader: MemberReader): Uint8Array {
  const input = reader.read('input', bytes, null)
  const data = reader.read('data', bytes, null)
  if (input !== null && data !== null && !equalBytes(input, data))
    reader.problem ??=
      'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data'
  return input ?? data ?? EMPTY_BYTES
}

function contradictionIn(
  message: CallMessage,
  reader: MemberReader,
  chainId: number,
): string | null {
  const { gasPrice, maxFeePerGas, maxPriorityFeePerGas } = message
  if (gasPrice !== null && (maxFeePerGas !== null || maxPriorityFeePerGas !== null))
    return 'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified'
  if (maxFeePerGas !== null && (maxPriorityFeePerGas ?? 0n) > maxFeePerGas)
    return `maxFeePerGas (${maxFeePerGas}) < maxPriorityFeePerGas (${maxPriorityFeePerGas})`
  if (reader.has('blobVersionedHashes') || reader.has('maxFeePerBlobGas'))
    return 'blob transactions (EIP-4844) are not supported on this chain'
  const given = reader.read('chainId', uint256, null)
  if (given !== null && given !== BigInt(chainId))
    return `chainId does not match node's (have=${given}, want=${chainId})`
  return null
}
