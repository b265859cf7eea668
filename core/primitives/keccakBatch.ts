import { assert } from './assert.ts'
import { HASH_LENGTH, keccak256 } from './hash.ts'
import { FIRST_FREE, keccakPairModule } from './keccakModule.ts'
import { pad } from './keccakPadding.ts'
import {
  instantiate,
  WASM_PAGE_BYTES,
  type Wasm,
  type WasmMemory,
  webAssembly,
} from './webAssembly.ts'

type Pair = (a: number, b: number, blocks: number, outA: number, outB: number) => void
type PairExports = { readonly memory: WasmMemory; readonly pair: Pair }

/** Messages up to here wait for another of their length. */
const LONGEST_PAIRED = 16
/** Where the second digest of a message without a partner goes. */
const NOWHERE = 200

/**
 * Keccak-256 over messages that are written into its memory, two at a time: 0.18 µs for 136 bytes instead of 0.26. Without WebAssembly's vectors it hashes one at a time.
 */
export class KeccakBatch {
  readonly #memory: WasmMemory | null
  readonly #pair: Pair | null
  readonly #waiting = new Int32Array(LONGEST_PAIRED + 1)
  readonly #waitingOut = new Int32Array(LONGEST_PAIRED + 1)
  /** The memory; another array after `reserve`. */
  bytes: Uint8Array

  constructor(wasm: Wasm | null = webAssembly()) {
    const exports = wasm === null ? null : instantiate<PairExports>(wasm, keccakPairModule)
    assert(NOWHERE + HASH_LENGTH <= FIRST_FREE, 'nowhere is below the messages')
    this.#memory = exports?.memory ?? null
    this.#pair = exports?.pair ?? null
    this.bytes = new Uint8Array(this.#memory?.buffer ?? new ArrayBuffer(WASM_PAGE_BYTES))
  }

  /** The first address for messages and digests. */
  get start(): number {
    return FIRST_FREE
  }

  /** Makes the memory reach to `end` at least; what is in it stays. */
  reserve(end: number): void {
    if (end <= this.bytes.length) return
    const size = Math.max(end, 2 * this.bytes.length)
    if (this.#memory === null) {
      const larger = new Uint8Array(size)
      larger.set(this.bytes)
      this.bytes = larger
      return
    }
    this.#memory.grow(Math.ceil((size - this.bytes.length) / WASM_PAGE_BYTES))
    this.bytes = new Uint8Array(this.#memory.buffer)
  }

  /**
   * Hashes the message at `at` into the 32 bytes at `out`, at the latest at `flush`. The memory behind
   * the message, up to `paddedLength`, is overwritten.
   */
  add(at: number, length: number, out: number): void {
    const pair = this.#pair
    if (pair === null) {
      this.bytes.set(keccak256(this.bytes.subarray(at, at + length)), out)
      return
    }
    const blocks = pad(this.bytes, at, length)
    if (blocks > LONGEST_PAIRED) {
      pair(at, at, blocks, out, NOWHERE)
      return
    }
    const partner = this.#waiting[blocks] as number
    if (partner === 0) {
      this.#waiting[blocks] = at
      this.#waitingOut[blocks] = out
      return
    }
    this.#waiting[blocks] = 0
    pair(partner, at, blocks, this.#waitingOut[blocks] as number, out)
  }

  /** All digests are there when it returns. */
  flush(): void {
    for (let blocks = 1; blocks <= LONGEST_PAIRED; blocks++) {
      const at = this.#waiting[blocks] as number
      if (at === 0) continue
      this.#waiting[blocks] = 0
      this.#pair?.(at, at, blocks, this.#waitingOut[blocks] as number, NOWHERE)
    }
  }
}
