import type { SimulatedBlockRequest } from '../inspection.ts'
import { callMessage } from './call.ts'
import { boolean, safeInteger } from './hex.ts'
import { blockOverrides, NO_BLOCK_OVERRIDES, stateOverrides } from './overrides.ts'
import { bad, MemberReader, membersOf, type Parser, parseList } from './parameter.ts'

export type SimulationPayload = {
  readonly blocks: readonly SimulatedBlockRequest[]
  readonly validates: boolean
  readonly tracesTransfers: boolean
  readonly isFull: boolean
}

/** What blocks may be told to hold; more exceed any gas limit. */
const MAX_CALLS = 10_000
/** More than the simulation allows, which also counts numbers that are left out and refuses in geth's words. */
const MAX_BLOCKS = 1_024

/** The first parameter of eth_simulateV1. */
export const simulationPayload =
  (chainId: number): Parser<SimulationPayload> =>
  (json) => {
    const members = membersOf(json)
    if (!members.ok) return members
    const reader = new MemberReader(members.value)
    const blocks = reader.read(
      'blockStateCalls',
      (list) => parseList(list, blockOf(chainId), MAX_BLOCKS),
      [],
    )
    if (reader.problem === null && blocks.length === 0) return bad('empty input')
    return reader.finish({
      blocks,
      validates: reader.read('validation', boolean, false),
      tracesTransfers: reader.read('traceTransfers', boolean, false),
      isFull: reader.read('returnFullTransactions', boolean, false),
    })
  }

const blockOf =
  (chainId: number): Parser<SimulatedBlockRequest> =>
  (json) => {
    const members = membersOf(json)
    if (!members.ok) return members
    const reader = new MemberReader(members.value)
    return reader.finish({
      blockOverrides: reader.read('blockOverrides', blockOverrides, NO_BLOCK_OVERRIDES),
      stateOverrides: reader.read('stateOverrides', stateOverrides, []),
      calls: reader.read('calls', (list) => parseList(list, callOf(chainId), MAX_CALLS), []),
    })
  }

const callOf =
  (chainId: number): Parser<SimulatedBlockRequest['calls'][number]> =>
  (json) => {
    const message = callMessage(chainId)(json)
    const members = membersOf(json)
    if (!message.ok) return message
    if (!members.ok) return members
    const reader = new MemberReader(members.value)
    return reader.finish({
      message: message.value,
      nonce: reader.read('nonce', safeInteger, null),
    })
  }
