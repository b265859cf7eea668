import type { RpcBackend } from '../backend.ts'
import { fail, type Outcome } from '../outcome.ts'
import { boolean, hash, uint64 } from './hex.ts'
import { bad, MemberReader, membersOf, type Parsed, type Parser } from './parameter.ts'

/** `latest` stands for `safe` and `finalized` too: a block is final when it exists. */
export type BlockParameter =
  | { readonly kind: 'latest' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'number'; readonly number: bigint }
  | { readonly kind: 'hash'; readonly hash: Uint8Array }

export const LATEST: BlockParameter = { kind: 'latest' }

const TAGS: ReadonlyMap<unknown, BlockParameter> = new Map<unknown, BlockParameter>([
  ['latest', LATEST],
  ['safe', LATEST],
  ['finalized', LATEST],
  ['pending', { kind: 'pending' }],
  ['earliest', { kind: 'number', number: 0n }],
])

/** A tag or a QUANTITY. */
export const blockNumber: Parser<BlockParameter> = (json) => {
  const tag = TAGS.get(json)
  if (tag !== undefined) return { ok: true, value: tag }
  const parsed = uint64(json)
  return parsed.ok ? { ok: true, value: { kind: 'number', number: parsed.value } } : parsed
}

/** A tag, a QUANTITY, a block hash, or an object of EIP-1898. */
export const blockReference: Parser<BlockParameter> = (json) => {
  if (typeof json === 'string') return json.length === 66 ? byHash(json) : blockNumber(json)
  const members = membersOf(json)
  return members.ok ? blockObject(members.value) : members
}

function blockObject(members: Readonly<Record<string, unknown>>): Parsed<BlockParameter> {
  const { blockNumber: number, blockHash } = members
  const isNumber = number !== undefined && number !== null
  const isHash = blockHash !== undefined && blockHash !== null
  if (isNumber && isHash)
    return bad('cannot specify both BlockHash and BlockNumber, choose one or the other')
  // Blocks are final, so every block is canonical.
  const reader = new MemberReader(members)
  reader.read('requireCanonical', boolean, false)
  if (reader.problem !== null) return bad(reader.problem)
  if (isNumber) return blockNumber(number)
  return isHash ? byHash(blockHash) : bad('expected blockNumber or blockHash')
}

function byHash(json: unknown): Parsed<BlockParameter> {
  const parsed = hash(json)
  return parsed.ok ? { ok: true, value: { kind: 'hash', hash: parsed.value } } : parsed
}

/** Null: there is no such block (yet). */
export function heightOf(backend: RpcBackend, block: BlockParameter): number | null {
  switch (block.kind) {
    case 'latest':
    case 'pending':
      return backend.height()
    case 'number':
      return block.number <= BigInt(backend.height()) ? Number(block.number) : null
    case 'hash':
      return backend.heightOfHash(block.hash)
  }
}

export function existingHeightOf(backend: RpcBackend, block: BlockParameter): Outcome<number> {
  const height = heightOf(backend, block)
  return height === null ? fail({ code: 'BLOCK_NOT_FOUND' }) : { ok: true, value: height }
}
