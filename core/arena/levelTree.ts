import { assert } from '../primitives/assert.ts'
import type { Cells } from './cells.ts'
import { GROUP_BYTES, LEVEL_BYTES, type OrderedIndexLayout } from './layout.ts'

/** 32-bit fields of a level, in pairs that share a journal word; the price is the double in the first two. */
const COUNT = 2
const LAST = 3
const FIRST = 4
const GROUP = 5
const LEFT = 6
const RIGHT = 7
const PARENT = 8
const RED = 9
const LOWER = 10
const HIGHER = 11
/** Of these two, the double that is the sequence of the last row. */
const NEWEST = 12
const LEVEL = LEVEL_BYTES / 4

/** 32-bit fields of a group. */
const ROOT = 0
const LEVELS = 1
const LOWEST = 2
const HIGHEST = 3
const GROUP_SIZE = GROUP_BYTES / 4

const HINTS = 2 ** 12

/** Of the index: first free level (linked through FIRST), highest level ever used. */
const FREE = 0
const HIGH = 1

/**
 * The price levels of every group: a red-black tree (Cormen et al., ch. 13) whose nodes are also linked in
 * order. The links make neighbours and both ends O(1), and a level at or beyond an end is found
 * and attached without a descent; otherwise O(log levels). Balance costs O(1) writes a change, amortised,
 * whatever prices are chosen. Level 0 is the empty leaf, black, never written.
 */
export class LevelTree {
  readonly #cells: Cells
  readonly #i32: Int32Array
  readonly #f64: Float64Array
  readonly #header: number
  readonly #groups: number
  readonly #levels: number
  /** Levels met lately, by group and price; checked before they are believed, so they may be stale. */
  readonly #hints = new Int32Array(HINTS)

  constructor(cells: Cells, layout: OrderedIndexLayout) {
    this.#cells = cells
    this.#i32 = cells.i32
    this.#f64 = cells.f64
    this.#header = layout.base / 4
    this.#groups = layout.groups / 4
    this.#levels = layout.levels / 4
  }

  priceOf(level: number): number {
    return this.#f64[(this.#levels + level * LEVEL) >>> 1] as number
  }
  countOf(level: number): number {
    return this.#get(level, COUNT)
  }
  groupOf(level: number): number {
    return this.#get(level, GROUP)
  }
  firstOf(level: number): number {
    return this.#get(level, FIRST)
  }
  lastOf(level: number): number {
    return this.#get(level, LAST)
  }
  lower(level: number): number {
    return this.#get(level, LOWER)
  }
  higher(level: number): number {
    return this.#get(level, HIGHER)
  }
  lowest(group: number): number {
    return this.#groupGet(group, LOWEST)
  }
  highest(group: number): number {
    return this.#groupGet(group, HIGHEST)
  }
  levels(group: number): number {
    return this.#groupGet(group, LEVELS)
  }

  /** The highest level not above the price, or 0. O(1) at either end and at the level met last. */
  floor(group: number, price: number): number {
    const at = hintOf(group, price)
    const hint = this.#hints[at] as number
    const cell = this.#levels + hint * LEVEL
    if (
      this.#f64[cell >>> 1] === price &&
      this.#i32[cell + GROUP] === group &&
      this.#i32[cell + COUNT] !== 0
    ) {
      return hint
    }
    const found = this.#search(group, price)
    this.#hints[at] = found
    return found
  }

  #search(group: number, price: number): number {
    const highest = this.highest(group)
    if (highest === 0 || price >= this.priceOf(highest)) return highest
    const lowest = this.lowest(group)
    if (price <= this.priceOf(lowest)) return price === this.priceOf(lowest) ? lowest : 0
    const f64 = this.#f64
    const i32 = this.#i32
    const base = this.#levels
    let at = this.#groupGet(group, ROOT)
    let below = 0
    while (at !== 0) {
      const cell = base + at * LEVEL
      const here = f64[cell >>> 1] as number
      if (here === price) return at
      if (here < price) below = at
      at = i32[cell + (here < price ? RIGHT : LEFT)] as number
    }
    return below
  }

  /** Puts a row behind the last one of its level. Asserts that its sequence is the largest the level has had. */
  append(level: number, row: number, sequence: number): void {
    const at = this.#levels + level * LEVEL
    const newest = (at + NEWEST) >>> 1
    assert((this.#f64[newest] as number) < sequence, 'the newest row has the largest sequence')
    this.#cells.put(at + COUNT, (this.#i32[at + COUNT] as number) + 1, row)
    this.#cells.touch(newest)
    this.#f64[newest] = sequence
  }

  /** Takes a row with these neighbours out of its level, and the level out when it was the only one. */
  takeOut(level: number, previous: number, next: number): void {
    const count = this.countOf(level) - 1
    const last = next === 0 ? previous : this.lastOf(level)
    this.#cells.put(this.#levels + level * LEVEL + COUNT, count, last)
    if (count === 0) this.#remove(level)
    else if (previous === 0) this.#set(level, FIRST, next)
  }

  /** A level that does not exist yet, with its first row; `below` is the floor of its price. */
  create(group: number, price: number, below: number, row: number, sequence: number): number {
    const above = below === 0 ? this.lowest(group) : this.higher(below)
    const level = this.#allocate()
    const at = this.#levels + level * LEVEL
    this.#cells.touch(at >>> 1)
    this.#f64[at >>> 1] = price
    this.#cells.put(at + COUNT, 1, row)
    this.#cells.touch((at + NEWEST) >>> 1)
    this.#f64[(at + NEWEST) >>> 1] = sequence
    this.#cells.put(at + FIRST, row, group)
    this.#cells.put(at + LEFT, 0, 0)
    this.#cells.put(at + LOWER, below, above)
    this.#hints[hintOf(group, price)] = level
    const levels = this.levels(group) + 1
    if (levels === 1) {
      this.#cells.put(at + PARENT, 0, 0)
      this.#groupPut(group, ROOT, level, 1)
      this.#groupPut(group, LOWEST, level, level)
      return level
    }
    if (below === 0) this.#groupSet(group, LOWEST, level)
    else this.#set(below, HIGHER, level)
    if (above === 0) this.#groupSet(group, HIGHEST, level)
    else this.#set(above, LOWER, level)
    this.#groupSet(group, LEVELS, levels)
    this.#attach(group, level, below, above)
    return level
  }

  /** Of two neighbours in order, one always has no child on the side of the other. */
  #attach(group: number, level: number, below: number, above: number): void {
    const underBelow = below !== 0 && this.#get(below, RIGHT) === 0
    const parent = underBelow ? below : above
    this.#cells.put(this.#levels + level * LEVEL + PARENT, parent, 1)
    this.#set(parent, underBelow ? RIGHT : LEFT, level)
    this.#balanceAfterInsert(group, level)
  }

  #balanceAfterInsert(group: number, level: number): void {
    let at = level
    for (;;) {
      let parent = this.#get(at, PARENT)
      if (!this.#isRed(parent)) break
      const grand = this.#get(parent, PARENT)
      const side = this.#get(grand, LEFT) === parent ? LEFT : RIGHT
      const uncle = this.#get(grand, other(side))
      if (this.#isRed(uncle)) {
        this.#set(parent, RED, 0)
        this.#set(uncle, RED, 0)
        this.#set(grand, RED, 1)
        at = grand
        continue
      }
      if (this.#get(parent, side) !== at) {
        this.#rotate(group, parent, side)
        parent = at
      }
      this.#set(parent, RED, 0)
      this.#set(grand, RED, 1)
      this.#rotate(group, grand, other(side))
      break
    }
    const root = this.#groupGet(group, ROOT)
    if (this.#isRed(root)) this.#set(root, RED, 0)
  }

  #remove(level: number): void {
    const group = this.groupOf(level)
    const lower = this.lower(level)
    const higher = this.higher(level)
    const levels = this.levels(group) - 1
    if (levels === 0) {
      this.#groupPut(group, ROOT, 0, 0)
      this.#groupPut(group, LOWEST, 0, 0)
    } else {
      this.#detach(group, level, higher)
      if (lower === 0) this.#groupSet(group, LOWEST, higher)
      else this.#set(lower, HIGHER, higher)
      if (higher === 0) this.#groupSet(group, HIGHEST, lower)
      else this.#set(higher, LOWER, lower)
      this.#groupSet(group, LEVELS, levels)
    }
    this.#set(level, FIRST, this.#i32[this.#header + FREE] as number)
    this.#cells.set(this.#header + FREE, level)
  }

  #detach(group: number, level: number, next: number): void {
    const left = this.#get(level, LEFT)
    const right = this.#get(level, RIGHT)
    let child: number
    let parent: number
    let removedRed: boolean
    if (left === 0 || right === 0) {
      removedRed = this.#isRed(level)
      child = left === 0 ? right : left
      parent = this.#get(level, PARENT)
      this.#replace(group, level, child)
    } else {
      // The next level has no left child; it takes this one's place and colour.
      removedRed = this.#isRed(next)
      child = this.#get(next, RIGHT)
      parent = this.#get(next, PARENT)
      if (parent === level) parent = next
      else {
        this.#replace(group, next, child)
        this.#set(next, RIGHT, right)
        this.#set(right, PARENT, next)
      }
      this.#replace(group, level, next)
      this.#set(next, LEFT, left)
      this.#set(left, PARENT, next)
      this.#set(next, RED, this.#get(level, RED))
    }
    if (!removedRed) this.#balanceAfterRemove(group, child, parent)
  }

  #balanceAfterRemove(group: number, child: number, above: number): void {
    let at = child
    let parent = above
    while (parent !== 0 && !this.#isRed(at)) {
      const side = this.#get(parent, LEFT) === at ? LEFT : RIGHT
      let sibling = this.#get(parent, other(side))
      if (this.#isRed(sibling)) {
        this.#set(sibling, RED, 0)
        this.#set(parent, RED, 1)
        this.#rotate(group, parent, side)
        sibling = this.#get(parent, other(side))
      }
      const near = this.#get(sibling, side)
      const far = this.#get(sibling, other(side))
      if (!this.#isRed(near) && !this.#isRed(far)) {
        this.#set(sibling, RED, 1)
        at = parent
        parent = this.#get(at, PARENT)
        continue
      }
      if (!this.#isRed(far)) {
        this.#set(near, RED, 0)
        this.#set(sibling, RED, 1)
        this.#rotate(group, sibling, other(side))
        sibling = near
      }
      this.#set(sibling, RED, this.#get(parent, RED))
      this.#set(parent, RED, 0)
      this.#set(this.#get(sibling, other(side)), RED, 0)
      this.#rotate(group, parent, side)
      return
    }
    if (at !== 0 && this.#isRed(at)) this.#set(at, RED, 0)
  }

  /** Turns the tree at `top` towards `side`: its child on the other side takes its place. */
  #rotate(group: number, top: number, side: number): void {
    const up = this.#get(top, other(side))
    const middle = this.#get(up, side)
    this.#set(top, other(side), middle)
    if (middle !== 0) this.#set(middle, PARENT, top)
    this.#replace(group, top, up)
    this.#set(up, side, top)
    this.#set(top, PARENT, up)
  }

  /** Puts `level`, which may be 0, where `old` hangs. */
  #replace(group: number, old: number, level: number): void {
    const parent = this.#get(old, PARENT)
    if (parent === 0) this.#groupSet(group, ROOT, level)
    else this.#set(parent, this.#get(parent, LEFT) === old ? LEFT : RIGHT, level)
    if (level !== 0) this.#set(level, PARENT, parent)
  }

  #allocate(): number {
    const free = this.#i32[this.#header + FREE] as number
    if (free !== 0) {
      this.#cells.set(this.#header + FREE, this.#get(free, FIRST))
      return free
    }
    const level = (this.#i32[this.#header + HIGH] as number) + 1
    this.#cells.set(this.#header + HIGH, level)
    return level
  }

  /** No red level under a red one, and as many black ones on every path: the depth is at most 2 log₂ (levels + 1). */
  isBalanced(group: number): boolean {
    const root = this.#groupGet(group, ROOT)
    return !this.#isRed(root) && this.#blackDepth(root) > 0
  }

  /** Black levels down to a leaf, the leaf included; 0 where the rules are broken. */
  #blackDepth(level: number): number {
    if (level === 0) return 1
    const left = this.#get(level, LEFT)
    const right = this.#get(level, RIGHT)
    const depth = this.#blackDepth(left)
    if (depth !== this.#blackDepth(right)) return 0
    if (!this.#isRed(level)) return depth === 0 ? 0 : depth + 1
    return this.#isRed(left) || this.#isRed(right) ? 0 : depth
  }

  #isRed(level: number): boolean {
    return this.#get(level, RED) !== 0
  }

  #get(level: number, field: number): number {
    return this.#i32[this.#levels + level * LEVEL + field] as number
  }

  #set(level: number, field: number, value: number): void {
    this.#cells.set(this.#levels + level * LEVEL + field, value)
  }

  #groupGet(group: number, field: number): number {
    return this.#i32[this.#groups + group * GROUP_SIZE + field] as number
  }

  #groupSet(group: number, field: number, value: number): void {
    this.#cells.set(this.#groups + group * GROUP_SIZE + field, value)
  }

  #groupPut(group: number, field: number, first: number, second: number): void {
    this.#cells.put(this.#groups + group * GROUP_SIZE + field, first, second)
  }
}

const hintOf = (group: number, price: number): number =>
  (Math.imul(group, 0x9e37_79b1) ^ price) & (HINTS - 1)

const other = (side: number): number => LEFT + RIGHT - side
