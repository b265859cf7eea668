import {
  type Block,
  blockCodec,
  blockIdOf,
  type Header,
  payloadHashOf,
} from '../../core/chain/block.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import type { ProposalBody } from '../network/messages.ts'
import type { ResolvedBody, Signatories } from './ports.ts'

/** A block, its own bytes, and who signed what is in it: null when something in it is not acceptable. */
export type AssembledBlock = {
  readonly block: Block
  readonly bytes: Uint8Array
  readonly signatories: Signatories | null
}

/** One candidate of the height in flight. */
export type BlockEntry = {
  readonly blockId: BlockId
  readonly header: Header
  /** How the block was named on the wire; null for one that arrived whole. */
  readonly body: ProposalBody | null
  readonly from: string | null
  assembled: AssembledBlock | null
  valid: boolean | null
}

/** The candidates of one height by id; dropped with the height. */
export class HeightBlocks {
  readonly #entries = new Map<BlockId, BlockEntry>()

  get(blockId: BlockId): BlockEntry | undefined {
    return this.#entries.get(blockId)
  }

  /** The entry of a proposed header, new or known; null when too many candidates are held already. */
  propose(header: Header, body: ProposalBody, from: string | null): BlockEntry | null {
    const blockId = blockIdOf(header)
    const known = this.#entries.get(blockId)
    if (known !== undefined) return known
    if (this.#entries.size >= MAX_CANDIDATES) return null
    return this.#add({ blockId, header, body, from, assembled: null, valid: null })
  }

  /** A block that is here whole: our own, one from the WAL, or one fetched by its id. */
  addWhole(block: Block, signatories: Signatories | null, body: ProposalBody | null): BlockEntry {
    const blockId = blockIdOf(block.header)
    const assembled = { block, bytes: encode(blockCodec, block), signatories }
    const known = this.#entries.get(blockId)
    if (known !== undefined) {
      known.assembled ??= assembled
      return known
    }
    const { header } = block
    return this.#add({ blockId, header, body, from: null, assembled, valid: null })
  }

  /** Joins a header with the payload its body named; null when the header commits to another payload. */
  complete(entry: BlockEntry, resolved: ResolvedBody): AssembledBlock | null {
    assert(entry.body !== null, 'only a proposed body is completed')
    const { evm, core, senders, signers } = resolved
    const { messages, evidence, lastCommit } = entry.body
    const payload = { evm, core, messages, evidence, lastCommit }
    if (!equalBytes(payloadHashOf(payload), entry.header.payloadHash)) return null
    const block = { header: entry.header, payload }
    const signatories = { senders, signers }
    entry.assembled = { block, bytes: encode(blockCodec, block), signatories }
    return entry.assembled
  }

  #add(entry: BlockEntry): BlockEntry {
    this.#entries.set(entry.blockId, entry)
    return entry
  }
}

/** Every round that is admitted may bring its proposals. */
const MAX_CANDIDATES = LIMITS.proposalsPerRound * LIMITS.roundsAhead
