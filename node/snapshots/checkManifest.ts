import type { LightBlock } from '../../consensus/light/lightBlock.ts'
import { arenaShapeOf, rootOfRuns } from '../../core/arena/runs.ts'
import { consensusRootOf, coreRootOf, receiptsRootOf, stateRootOf } from '../../core/chain/roots.ts'
import type { Registry } from '../../core/host/registry.ts'
import { compareBytes, equalBytes } from '../../core/primitives/bytes.ts'
import { type DecodeCode, decode } from '../../core/primitives/codec.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { joinSubtrees } from '../../evm/trie/subtree.ts'
import type { NodeWrites } from '../../evm/trie/update.ts'
import {
  type ContractParts,
  type Manifest,
  manifestCodec,
  partCountOf,
  SNAPSHOT_FORMAT,
} from './manifest.ts'

/** The certified blocks around a snapshot's height: the second one commits to the state after the first. */
export type Anchor = { readonly base: LightBlock; readonly next: LightBlock }

export type ManifestCode =
  | DecodeCode
  | 'SNAPSHOT_FORMAT'
  | 'SNAPSHOT_WRONG_HEIGHT'
  | 'SNAPSHOT_TOO_LARGE'
  | 'SNAPSHOT_WRONG_STATE_ROOT'
  | 'SNAPSHOT_WRONG_CONSENSUS_ROOT'
  | 'SNAPSHOT_WRONG_RECEIPTS_ROOT'
  | 'SNAPSHOT_WRONG_CORE_ROOT'
  | 'SNAPSHOT_WRONG_EVM_ROOT'
  | 'SNAPSHOT_WRONG_STORAGE_ROOT'

/** A manifest whose hashes rebuild to certified roots, and the trie nodes above its parts. */
export type CheckedManifest = {
  readonly manifest: Manifest
  readonly accountNodes: NodeWrites
  readonly contractNodes: readonly { readonly address: Uint8Array; readonly writes: NodeWrites }[]
}

/**
 * Bytes from a peer as the manifest of the anchor's height. A contract's storage root is still the peer's
 * word: it is compared when the account arrives, before any of its storage is looked at. O(parts).
 */
export function checkManifest(
  bytes: Uint8Array,
  anchor: Anchor,
  registry: Registry,
): Result<CheckedManifest, ManifestCode> {
  const decoded = decode(manifestCodec, bytes)
  if (!decoded.ok) return decoded
  const manifest = decoded.value
  const { header } = anchor.base
  if (manifest.format !== SNAPSHOT_FORMAT) return reject('SNAPSHOT_FORMAT')
  if (manifest.height !== header.height || manifest.chainId !== header.chainId)
    return reject('SNAPSHOT_WRONG_HEIGHT')
  if (partCountOf(manifest) > LIMITS.snapshotParts) return reject('SNAPSHOT_TOO_LARGE')
  const code = rootsObjection(manifest, anchor) ?? coreObjection(manifest, registry)
  if (code !== null) return reject(code)
  const accounts = joinSubtrees(manifest.accounts)
  if (!accounts.ok || !equalBytes(accounts.value.root, manifest.roots.evmRoot))
    return reject('SNAPSHOT_WRONG_EVM_ROOT')
  const contractNodes = contractNodesOf(manifest.contracts)
  if (contractNodes === null) return reject('SNAPSHOT_WRONG_STORAGE_ROOT')
  return ok({ manifest, accountNodes: accounts.value.writes, contractNodes })
}

function rootsObjection(manifest: Manifest, { next }: Anchor): ManifestCode | null {
  const { roots, height, ethereumHash, coreReceipts } = manifest
  const { header, validators, nextValidators } = next
  if (!equalBytes(stateRootOf(roots, height), header.stateRoot)) return 'SNAPSHOT_WRONG_STATE_ROOT'
  const consensusRoot = consensusRootOf(validators.hash, nextValidators.hash)
  if (!equalBytes(consensusRoot, roots.consensusRoot)) return 'SNAPSHOT_WRONG_CONSENSUS_ROOT'
  return equalBytes(receiptsRootOf(ethereumHash, coreReceipts), header.receiptsRoot)
    ? null
    : 'SNAPSHOT_WRONG_RECEIPTS_ROOT'
}

function coreObjection(manifest: Manifest, { engines }: Registry): ManifestCode | null {
  const { engineRoots, roots, runs } = manifest
  const wrong = 'SNAPSHOT_WRONG_CORE_ROOT'
  if (engineRoots.length !== engines.length) return wrong
  if (!equalBytes(coreRootOf(engineRoots), roots.coreRoot)) return wrong
  const isOrdered = runs.every((run, i) => i === 0 || run.engine >= (runs[i - 1]?.engine ?? 0))
  if (!isOrdered || (runs.at(-1)?.engine ?? 0) >= engines.length) return wrong
  const agrees = engines.every(({ schema }, engine) => {
    const own = runs.filter((run) => run.engine === engine)
    const root = rootOfRuns(arenaShapeOf(schema), own)
    return root.ok && equalBytes(root.value, engineRoots[engine] as Uint8Array)
  })
  return agrees ? null : wrong
}

function contractNodesOf(
  contracts: readonly ContractParts[],
): CheckedManifest['contractNodes'] | null {
  const nodes: { readonly address: Uint8Array; readonly writes: NodeWrites }[] = []
  let previous: Uint8Array | null = null
  for (const { address, storageRoot, parts } of contracts) {
    const key = keccak256(address)
    if (previous !== null && compareBytes(previous, key) >= 0) return null
    previous = key
    const joined = joinSubtrees(parts)
    if (parts.length === 0 || !joined.ok || !equalBytes(joined.value.root, storageRoot)) return null
    nodes.push({ address, writes: joined.value.writes })
  }
  return nodes
}
