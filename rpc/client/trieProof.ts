import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { decodeRlp, encodeRlp, type RlpItem } from '../../evm/rlp.ts'

const EMPTY_TRIE_ROOT = keccak256(Uint8Array.of(0x80))

/**
 * The value that a Merkle Patricia trie has under `keccak256(preimage)`, or null if it proves that
 * there is none (Yellow Paper, appendix D). Nodes are RLP from the root down, those below 32 bytes
 * inside their parents, as in EIP-1186. Every node must be used.
 */
export function verifyTrieProof(
  root: Uint8Array,
  preimage: Uint8Array,
  proof: readonly Uint8Array[],
): Result<Uint8Array | null, 'BAD_PROOF'> {
  if (proof.length === 0) return equalBytes(root, EMPTY_TRIE_ROOT) ? ok(null) : reject('BAD_PROOF')
  const path = toHex(keccak256(preimage))
  let [depth, used] = [0, 0]
  /** A hash names the next node of the proof; anything else is the node itself. */
  let ref: RlpItem = root
  for (;;) {
    const node: RlpItem | null = ref instanceof Uint8Array ? nodeOf(ref, proof[used++]) : ref
    if (node === null || node instanceof Uint8Array) return reject('BAD_PROOF')
    const step = stepInto(node, path, depth)
    if (step === null) return reject('BAD_PROOF')
    if (step.kind === 'next') {
      ref = step.ref
      depth = step.depth
      continue
    }
    return used === proof.length ? ok(step.value) : reject('BAD_PROOF')
  }
}

function nodeOf(hash: Uint8Array, bytes: Uint8Array | undefined): RlpItem | null {
  if (bytes === undefined || !equalBytes(keccak256(bytes), hash)) return null
  const decoded = decodeRlp(bytes)
  return decoded.ok ? decoded.value : null
}

type Step =
  | { readonly kind: 'next'; readonly ref: RlpItem; readonly depth: number }
  | { readonly kind: 'end'; readonly value: Uint8Array | null }

const ABSENT: Step = { kind: 'end', value: null }

/** Null: not a node of a trie whose keys all have 64 nibbles. */
function stepInto(node: readonly RlpItem[], path: string, depth: number): Step | null {
  if (node.length === 17) {
    const child = node[Number.parseInt(path[depth] ?? '', 16)]
    return child === undefined ? null : follow(child, depth + 1)
  }
  const [prefix, rest] = node
  if (node.length !== 2 || !(prefix instanceof Uint8Array) || rest === undefined) return null
  const digits = toHex(prefix)
  const flag = Number.parseInt(digits[0] ?? '', 16)
  if (!(flag <= 3)) return null
  const isLeaf = flag >= 2
  const nibbles = digits.slice(flag % 2 === 1 ? 1 : 2)
  const isOnPath = path.startsWith(nibbles, depth)
  if (isLeaf) {
    if (!(rest instanceof Uint8Array) || depth + nibbles.length !== path.length) return null
    return isOnPath ? { kind: 'end', value: rest } : ABSENT
  }
  if (nibbles.length === 0) return null
  return isOnPath ? follow(rest, depth + nibbles.length) : ABSENT
}

function follow(ref: RlpItem, depth: number): Step | null {
  if (!(ref instanceof Uint8Array)) return encodeRlp(ref).length < 32 ? next(ref, depth) : null
  if (ref.length === 0) return ABSENT
  return ref.length === 32 ? next(ref, depth) : null
}

const next = (ref: RlpItem, depth: number): Step => ({ kind: 'next', ref, depth })
