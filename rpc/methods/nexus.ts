import type { RpcBackend } from '../backend.ts'
import { certificateOf, statusOf, validatorsOf } from '../format/nexus.ts'
import { type MethodModules, type MethodTable, method } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import {
  type BlockParameter,
  blockNumber,
  blockReference,
  existingHeightOf,
  heightOf,
  LATEST,
} from '../params/block.ts'
import { optional } from '../params/parameter.ts'

/** What Ethereum has no method for: the node, its validators, and why a block is final. */
export function nexusMethods({ backend }: MethodModules): MethodTable {
  const { identity } = backend
  return {
    nexus_status: method([], async () => {
      const status = await backend.status()
      const height = backend.height()
      const header = backend.header(height)
      if (header === null) return fail({ code: 'BLOCK_NOT_FOUND' })
      const { hash, timestamp } = header
      return { ok: true, value: statusOf(identity, status, { height, hash, timestamp }) }
    }),
    /** The set that judges a block; of the latest one by default. Known for two heights to come. */
    nexus_validators: method([optional(blockReference, LATEST)], (_, block) => {
      const height = scheduledHeightOf(backend, block)
      if (!height.ok) return height
      // Genesis is judged by nobody; the set of height 1 stands there.
      const judged = Math.max(1, height.value)
      const validators = backend.validators(judged)
      return { ok: true, value: validators === null ? null : validatorsOf(judged, validators) }
    }),
    nexus_consensusState: method([], async () => ({
      ok: true,
      value: await backend.consensusState(),
    })),
    nexus_commitCertificate: method([optional(blockNumber, LATEST)], (_, block) => {
      const height = heightOf(backend, block)
      const certificate = height === null ? null : backend.certificate(height)
      if (height === null || certificate === null) return { ok: true, value: null }
      const validators = backend.validators(height) ?? []
      return { ok: true, value: certificateOf(identity.chainId, certificate, validators) }
    }),
  }
}

/** What a height changes counts from two heights later on. */
const SCHEDULED = 2

function scheduledHeightOf(backend: RpcBackend, block: BlockParameter): Outcome<number> {
  if (block.kind === 'number' && block.number <= BigInt(backend.height() + SCHEDULED))
    return { ok: true, value: Number(block.number) }
  return existingHeightOf(backend, block)
}
