import type { LogCriteria } from '../logSearch.ts'
import { type BlockParameter, blockNumber, LATEST } from './block.ts'
import { address, hash } from './hex.ts'
import { bad, MemberReader, membersOf, type Parser, parseList } from './parameter.ts'

export type LogFilter = {
  readonly criteria: LogCriteria
  readonly blocks:
    | { readonly kind: 'range'; readonly from: BlockParameter; readonly to: BlockParameter }
    | { readonly kind: 'block'; readonly hash: Uint8Array }
}

/** geth's limits are 1,000 and 4. */
const MAX_ADDRESSES = 1_000
const MAX_TOPICS = 4
const MAX_ALTERNATIVES = 1_000

const addresses: Parser<readonly Uint8Array[]> = (json) => {
  if (Array.isArray(json)) return parseList(json, address, MAX_ADDRESSES)
  const one = address(json)
  return one.ok ? { ok: true, value: [one.value] } : one
}

/** Null matches all; so does an empty list. */
const alternatives: Parser<readonly Uint8Array[]> = (json) => {
  if (json === null) return { ok: true, value: [] }
  if (!Array.isArray(json)) {
    const one = hash(json)
    return one.ok ? { ok: true, value: [one.value] } : one
  }
  // A null among alternatives matches all, as in geth.
  if (json.includes(null)) return { ok: true, value: [] }
  return parseList(json, hash, MAX_ALTERNATIVES)
}

const topics: Parser<readonly (readonly Uint8Array[])[]> = (json) => {
  if (Array.isArray(json) && json.length > MAX_TOPICS) return bad('exceed max topics')
  return parseList(json, alternatives, MAX_TOPICS)
}

export const logFilter: Parser<LogFilter> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  const criteria = {
    addresses: reader.read('address', addresses, []),
    topics: reader.read('topics', topics, []),
  }
  const blockHash = reader.read('blockHash', hash, null)
  if (blockHash !== null && (reader.has('fromBlock') || reader.has('toBlock')))
    return bad('cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other')
  if (blockHash !== null)
    return reader.finish<LogFilter>({ criteria, blocks: { kind: 'block', hash: blockHash } })
  return reader.finish<LogFilter>({
    criteria,
    blocks: {
      kind: 'range',
      from: reader.read('fromBlock', blockNumber, LATEST),
      to: reader.read('toBlock', blockNumber, LATEST),
    },
  })
}
