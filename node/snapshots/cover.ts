import { assert } from '../../core/primitives/assert.ts'
import { HEX_DIGITS, type TrieNode } from '../../evm/trie/node.ts'
import { PART_TARGET_BYTES } from './parts.ts'

/** Leaves below one place of a trie that are small enough to be one part. */
export type Gathered<T> = { readonly items: readonly T[]; readonly bytes: number }

export type CoverSource<T> = {
  readonly node: (path: string) => TrieNode
  /** The item of a leaf, by its preimage, and its bytes in a part. */
  readonly item: (preimage: Uint8Array) => { readonly item: T; readonly bytes: number }
  /** A part is complete: the subtree at `path`, which its parent calls `ref`. In the order of keys. */
  readonly emit: (path: string, ref: Uint8Array, gathered: Gathered<T>) => void
}

/**
 * Cuts a trie into the largest subtrees that stay within the target, from left to right in one pass. What
 * fits one part is returned, not emitted; null: everything was. Memory: about one part a level.
 */
export function coverTrie<T>(source: CoverSource<T>): Gathered<T> | null {
  return visit(source, '')
}

function visit<T>(source: CoverSource<T>, path: string): Gathered<T> | null {
  const node = source.node(path)
  switch (node.kind) {
    case 'leaf': {
      const { item, bytes } = source.item(node.preimage)
      return { items: [item], bytes }
    }
    case 'extension':
      return visit(source, path + node.nibbles)
    case 'branch':
      return visitBranch(source, path, node.children)
  }
}

type Waiting<T> = {
  readonly path: string
  readonly ref: Uint8Array
  readonly gathered: Gathered<T>
}

function visitBranch<T>(
  source: CoverSource<T>,
  path: string,
  children: readonly (Uint8Array | null)[],
): Gathered<T> | null {
  let waiting: Waiting<T>[] = []
  let bytes = 0
  let isCut = false
  const emitWaiting = (): void => {
    isCut = true
    for (const { path: at, ref, gathered } of waiting) source.emit(at, ref, gathered)
    waiting = []
  }
  for (let nibble = 0; nibble < 16; nibble++) {
    const ref = children[nibble] ?? null
    if (ref === null) continue
    const below = path + HEX_DIGITS[nibble]
    const gathered = visitBelow(source, below, emitWaiting)
    if (gathered === null) continue
    waiting.push({ path: below, ref, gathered })
    bytes += gathered.bytes
    if (isCut || bytes > PART_TARGET_BYTES) emitWaiting()
  }
  if (isCut) return null
  return { items: waiting.flatMap(({ gathered }) => gathered.items), bytes }
}

/** What lies left of a subtree that has to be cut is emitted first: parts come in the order of keys. */
function visitBelow<T>(
  source: CoverSource<T>,
  path: string,
  emitWaiting: () => void,
): Gathered<T> | null {
  let emitted = false
  const gathered = visit(
    {
      ...source,
      emit: (at, ref, part) => {
        if (!emitted) emitWaiting()
        emitted = true
        source.emit(at, ref, part)
      },
    },
    path,
  )
  assert(gathered !== null || emitted, 'a subtree is returned or emitted')
  return gathered
}
