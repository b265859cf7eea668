import { bytesToBigint, equalBytes } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { decodeRlp } from '../../evm/rlp.ts'
import { answerOf, bytesIn } from './answers.ts'
import { verifyTrieProof } from './trieProof.ts'
import type { Hex } from './values.ts'

export type ProvenAccount = {
  /** False: the account is proven not to be there; the rest is what an empty one has. */
  readonly exists: boolean
  readonly nonce: bigint
  /** In wei. */
  readonly balance: bigint
  readonly codeHash: Uint8Array
  /** The slots that were asked for, in that order. */
  readonly storage: readonly { readonly slot: Uint8Array; readonly value: bigint }[]
}

export type AccountWanted = { readonly address: Hex; readonly slots?: readonly Hex[] }

const NO_CODE = keccak256(new Uint8Array(0))
const NO_STORAGE = keccak256(Uint8Array.of(0x80))

type ProofJson = {
  readonly accountProof: readonly unknown[]
  readonly storageProof: readonly { readonly proof: readonly unknown[] }[]
}

/**
 * What an answer of `eth_getProof` proves of an account under the root of NexusEVM's state. Numbers
 * are read from the proof alone; what else the answer says is not looked at.
 */
export function verifyAccountProof(
  json: unknown,
  wanted: AccountWanted,
  evmRoot: Uint8Array,
): Result<ProvenAccount, 'BAD_ANSWER' | 'BAD_PROOF'> {
  const read = answerOf(() => {
    const { accountProof, storageProof } = json as ProofJson
    return {
      address: bytesIn(wanted.address, 20),
      slots: (wanted.slots ?? []).map((slot) => slotOf(slot)),
      nodes: accountProof.map((node) => bytesIn(node)),
      storage: storageProof.map(({ proof }) => proof.map((node) => bytesIn(node))),
    }
  })
  if (read === null || read.storage.length !== read.slots.length) return reject('BAD_ANSWER')
  const found = verifyTrieProof(evmRoot, read.address, read.nodes)
  if (!found.ok) return found
  const account = found.value === null ? NO_ACCOUNT : accountOf(found.value)
  if (account === null) return reject('BAD_PROOF')
  const { storageRoot, ...rest } = account
  const storage: { slot: Uint8Array; value: bigint }[] = []
  for (const [i, slot] of read.slots.entries()) {
    const value = slotValue(storageRoot, slot, read.storage[i] ?? [])
    if (value === null) return reject('BAD_PROOF')
    storage.push({ slot, value })
  }
  return ok({ exists: found.value !== null, ...rest, storage })
}

const NO_ACCOUNT = { nonce: 0n, balance: 0n, codeHash: NO_CODE, storageRoot: NO_STORAGE }

/** A short slot is padded from the left, as in the request. */
const slotOf = (slot: Hex): Uint8Array => bytesIn(slot.slice(2).padStart(64, '0'), 32)

/** [nonce, balance, storage root, code hash] (Yellow Paper §4.1). */
function accountOf(bytes: Uint8Array): typeof NO_ACCOUNT | null {
  const decoded = decodeRlp(bytes)
  if (!decoded.ok || decoded.value instanceof Uint8Array) return null
  const fields = decoded.value.filter((item) => item instanceof Uint8Array)
  const [nonce, balance, storageRoot, codeHash] = fields
  if (fields.length !== 4 || decoded.value.length !== 4) return null
  if (!nonce || !balance || storageRoot?.length !== 32 || codeHash?.length !== 32) return null
  return { nonce: bytesToBigint(nonce), balance: bytesToBigint(balance), storageRoot, codeHash }
}

/** Null: not proven. */
function slotValue(
  root: Uint8Array,
  slot: Uint8Array,
  proof: readonly Uint8Array[],
): bigint | null {
  if (equalBytes(root, NO_STORAGE)) return 0n
  const found = verifyTrieProof(root, slot, proof)
  if (!found.ok) return null
  if (found.value === null) return 0n
  const decoded = decodeRlp(found.value)
  return decoded.ok && decoded.value instanceof Uint8Array ? bytesToBigint(decoded.value) : null
}
