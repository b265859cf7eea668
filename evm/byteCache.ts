/** Ways to place a key: a look-up never takes more steps, whatever keys a sender chooses. */
const PROBES = 8
/** Key length u8 | value length u16 | key | value. */
const HEADER = 3
const LONGEST_KEY = 255
const LONGEST_VALUE = 65_535
const FREE = 0
const GONE = -1

/**
 * Byte strings by byte strings, the least recently used leave first, in a fixed number of bytes that the
 * garbage collector does not walk: entries are appended to one half of the memory; when it is full, the other half is
 * forgotten and becomes the one that is filled, and what is found in the full one is appended again.
 */
export class ByteCache {
  /** Where values are read from. */
  readonly bytes: Uint8Array
  readonly #half: number
  readonly #indexes: [Int32Array, Int32Array]
  readonly #mask: number
  #young = 0
  #end: number
  #count = 0
  /** The older half is empty until the younger has been full once. */
  #hasOld = false
  /** Of the value found last. */
  length = 0

  /**
   * `capacity` in bytes, indexes included; memory is touched, and so taken, only as it fills. `entryBytes`:
   * what an entry takes on average, for the size of the indexes.
   */
  constructor(capacity: number, entryBytes: number) {
    // A half is full when it has as many entries as half its index has places.
    let slots = 64
    while (slots * 2 * (entryBytes + 16) <= capacity) slots *= 2
    this.#half = Math.max(4_096, Math.floor((capacity - slots * 8) / 2))
    this.bytes = new Uint8Array(this.#half * 2)
    this.#indexes = [new Int32Array(slots), new Int32Array(slots)]
    this.#mask = slots - 1
    this.#end = 0
  }

  /** Where the value of a key begins, its length in `length`; −1: not here. Holds until the next call of any method. */
  find(key: Uint8Array, keyLength = key.length): number {
    const hash = hashOf(key, keyLength)
    const place = this.#placeOf(this.#youngIndex, key, keyLength, hash)
    if (place >= 0) return this.#open(this.#youngIndex[place] as number, keyLength)
    const aged = this.#agedPlaceOf(key, keyLength, hash)
    if (aged < 0) return -1
    const at = this.#open(this.#oldIndex[aged] as number, keyLength)
    if (!this.#hasRoom(keyLength, this.length)) return at
    // A key is in one half only: what is in the other could be out of date one day.
    this.#oldIndex[aged] = GONE
    return this.#append(key, keyLength, hash, this.bytes, at, this.length)
  }

  /** As `set`, of a key that `find` has just not found. */
  add(key: Uint8Array, keyLength: number, source: Uint8Array, from: number, length: number): void {
    if (keyLength > LONGEST_KEY) return
    this.#insert(key, keyLength, hashOf(key, keyLength), source, from, length)
  }

  /** The value is the bytes of `source` from `from` on. */
  set(key: Uint8Array, keyLength: number, source: Uint8Array, from: number, length: number): void {
    if (keyLength > LONGEST_KEY) return
    const hash = hashOf(key, keyLength)
    const place = this.#placeOf(this.#youngIndex, key, keyLength, hash)
    if (place >= 0) {
      const at = this.#open(this.#youngIndex[place] as number, keyLength)
      if (this.length === length) {
        copy(source, from, this.bytes, at, length)
        return
      }
      this.#youngIndex[place] = GONE
    }
    const aged = this.#agedPlaceOf(key, keyLength, hash)
    if (aged >= 0) this.#oldIndex[aged] = GONE
    this.#insert(key, keyLength, hash, source, from, length)
  }

  #insert(
    key: Uint8Array,
    keyLength: number,
    hash: number,
    source: Uint8Array,
    from: number,
    length: number,
  ): void {
    if (length > LONGEST_VALUE || HEADER + keyLength + length > this.#half) return
    if (!this.#hasRoom(keyLength, length)) this.#turn()
    this.#append(key, keyLength, hash, source, from, length)
  }

  delete(key: Uint8Array, keyLength = key.length): void {
    const hash = hashOf(key, keyLength)
    for (const index of this.#indexes) {
      const place = this.#placeOf(index, key, keyLength, hash)
      if (place >= 0) index[place] = GONE
    }
  }

  get #youngIndex(): Int32Array {
    return this.#indexes[this.#young] as Int32Array
  }
  get #oldIndex(): Int32Array {
    return this.#indexes[1 - this.#young] as Int32Array
  }

  #placeOf(index: Int32Array, key: Uint8Array, keyLength: number, hash: number): number {
    for (let probe = 0; probe < PROBES; probe++) {
      const place = (hash + probe) & this.#mask
      const entry = index[place] as number
      if (entry === FREE) return -1
      if (entry !== GONE && this.#holds(entry - 1, key, keyLength)) return place
    }
    return -1
  }

  #agedPlaceOf(key: Uint8Array, keyLength: number, hash: number): number {
    return this.#hasOld ? this.#placeOf(this.#oldIndex, key, keyLength, hash) : -1
  }

  #holds(at: number, key: Uint8Array, keyLength: number): boolean {
    const { bytes } = this
    if (bytes[at] !== keyLength) return false
    for (let i = 0; i < keyLength; i++) if (bytes[at + HEADER + i] !== key[i]) return false
    return true
  }

  #open(entry: number, keyLength: number): number {
    const at = entry - 1
    this.length = (this.bytes[at + 1] as number) | ((this.bytes[at + 2] as number) << 8)
    return at + HEADER + keyLength
  }

  #hasRoom(keyLength: number, length: number): boolean {
    const used = this.#end - this.#young * this.#half
    return used + HEADER + keyLength + length <= this.#half && this.#count * 2 <= this.#mask
  }

  #turn(): void {
    this.#young = 1 - this.#young
    this.#hasOld = true
    this.#youngIndex.fill(FREE)
    this.#end = this.#young * this.#half
    this.#count = 0
  }

  #append(
    key: Uint8Array,
    keyLength: number,
    hash: number,
    source: Uint8Array,
    from: number,
    length: number,
  ): number {
    const { bytes } = this
    const at = this.#end
    bytes[at] = keyLength
    bytes[at + 1] = length & 0xff
    bytes[at + 2] = length >> 8
    for (let i = 0; i < keyLength; i++) bytes[at + HEADER + i] = key[i] as number
    const start = at + HEADER + keyLength
    copy(source, from, bytes, start, length)
    this.#end = start + length
    this.#count++
    this.length = length
    const index = this.#youngIndex
    let place = hash & this.#mask
    for (let probe = 0; probe < PROBES; probe++) {
      const candidate = (hash + probe) & this.#mask
      if ((index[candidate] as number) <= 0) {
        place = candidate
        break
      }
    }
    index[place] = at + 1
    return start
  }
}

/** A call costs more than a loop up to about here. */
const SHORT = 48

function copy(
  source: Uint8Array,
  from: number,
  target: Uint8Array,
  at: number,
  length: number,
): void {
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) target[at + i] = source[from + i] as number
  } else if (source === target) target.copyWithin(at, from, from + length)
  else if (length === source.length) target.set(source, at)
  else target.set(source.subarray(from, from + length), at)
}

/** FNV-1a with a last mix (MurmurHash3's), so that low bits depend on all. */
function hashOf(key: Uint8Array, length: number): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (key[i] as number), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
