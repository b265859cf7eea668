import { dirname } from 'node:path'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes, toHex } from '../../core/primitives/bytes.ts'
import {
  bytes,
  type Codec,
  decode,
  encode,
  fixedBytes,
  int,
  struct,
  u8,
  u32,
} from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { ADDRESS_LENGTH, SIGNATURE_LENGTH } from '../../core/primitives/signature.ts'
import { crc32c } from '../storage/crc32c.ts'
import type { FileSystem, OpenFile } from '../storage/fileSystem.ts'

/** In the order in which a validator signs within a round. */
export const SIGN_STEP = { proposal: 1, prevote: 2, precommit: 3 } as const
export type SignStep = keyof typeof SIGN_STEP

export type LastSigned = {
  readonly height: number
  readonly round: number
  /** A number of SIGN_STEP; 0 when nothing was signed yet. */
  readonly step: number
  readonly signBytes: Uint8Array
  readonly signature: Uint8Array
}

/** Where the last signature is, and itself: what others may know of it. */
export type SignedPlace = Omit<LastSigned, 'signBytes'>

/** Whose signatures the file guards: a key on a chain. */
export type SignerIdentity = { readonly chainId: number; readonly address: Uint8Array }

export const NOTHING_SIGNED: LastSigned = {
  height: 0,
  round: 0,
  step: 0,
  signBytes: new Uint8Array(0),
  signature: new Uint8Array(SIGNATURE_LENGTH),
}

/** Refuses every height up to this one, whatever was signed there. */
export const signedUpTo = (height: number): LastSigned => ({
  ...NOTHING_SIGNED,
  height,
  round: 0xffff_ffff,
  step: SIGN_STEP.precommit,
})

/** The smallest unit that a disk or the page cache writes at once, or a multiple of it. */
const PAGE = 4_096
const COPIES = 2
const GENERATIONS = 2
const GENERATION_BYTES = COPIES * PAGE
export const LAST_SIGNED_BYTES = PAGE + GENERATIONS * GENERATION_BYTES

type Slot = LastSigned & { readonly sequence: number }

/**
 * The last thing that a key signed, on disk before the signature leaves.
 *
 * The file has a fixed size: a page with its identity, then two generations of two equal pages each.
 * State number n goes to both pages of generation n mod 2 with one write and one fdatasync, a quarter
 * of what writing and renaming a new file costs, since no metadata changes. While it is under way the
 * other generation holds state n − 1 untouched; a write that is torn anywhere leaves either that or
 * the whole of n on one page. Two pages, so that a page that rots later is noticed as such and cannot
 * pass for a torn write: n − 1 would then come back although the signature of n is out.
 */
export class LastSignedFile {
  readonly #file: OpenFile
  readonly #path: string
  readonly #seed: number
  #slot: Slot
  #failure: NexusError | null = null

  private constructor(file: OpenFile, path: string, start: { seed: number; slot: Slot }) {
    this.#file = file
    this.#path = path
    this.#seed = start.seed
    this.#slot = start.slot
  }

  /**
   * Begins with nothing signed, or as if everything up to a height were. Throws LAST_SIGNED_EXISTS: a
   * file that exists is never made anew; LAST_SIGNED_WRITE.
   */
  static async create(
    path: string,
    identity: SignerIdentity,
    fileSystem: FileSystem,
    first: LastSigned = NOTHING_SIGNED,
  ): Promise<void> {
    if ((await fileSystem.read(path)) !== null)
      throw new NexusError(
        { code: 'LAST_SIGNED_EXISTS', path },
        {
          message: `${path} exists: it remembers what this validator signed and must not be replaced`,
        },
      )
    const contents = new Uint8Array(LAST_SIGNED_BYTES)
    const page = identityPage(identity)
    contents.set(page)
    contents.set(generationOf({ ...first, sequence: 0 }, crc32c(page)), PAGE)
    try {
      await fileSystem.makeDirectory(dirname(path))
      const file = await fileSystem.create(`${path}.tmp`)
      await file.write(contents, 0)
      await file.sync()
      await file.close()
      await fileSystem.rename(`${path}.tmp`, path)
      await fileSystem.syncDirectory(dirname(path))
    } catch (error) {
      throw writeError(path, error)
    }
  }

  /** Throws LAST_SIGNED_MISSING, LAST_SIGNED_CORRUPT, LAST_SIGNED_OTHER_KEY; then nothing may be signed. */
  static async open(
    path: string,
    identity: SignerIdentity,
    fileSystem: FileSystem,
  ): Promise<LastSignedFile> {
    const contents = await fileSystem.read(path)
    if (contents === null) throw missing(path)
    checkIdentity(contents, identity, path)
    const seed = crc32c(identityPage(identity))
    const slot = recoverSlot(contents, seed, path)
    const opened = new LastSignedFile(await fileSystem.open(path), path, { seed, slot })
    // What was read may be in the page cache only, and after a failed sync even taken for clean. It is
    // durable before a newer one is begun: a power cut would else leave that beside what was there
    // before, states that do not follow. Then both generations, since a damaged one is no second copy.
    await opened.#saveAgain()
    await opened.save(slot)
    await opened.save(slot)
    // The same goes for the name, where the process that made the file died in between.
    await fileSystem.syncDirectory(dirname(path)).catch((error) => {
      throw writeError(path, error)
    })
    return opened
  }

  get current(): LastSigned {
    return this.#slot
  }

  /** Durable when it resolves. After an error it is unknown what the disk holds: nothing is saved any more. */
  async save(next: LastSigned): Promise<void> {
    const slot = { ...next, sequence: this.#slot.sequence + 1 }
    await this.#write(generationOf(slot, this.#seed), positionOf(slot.sequence))
    this.#slot = slot
  }

  /** The state where it is, a copy at a time: its signature may be out, so one of them must be whole at any moment. */
  async #saveAgain(): Promise<void> {
    const pages = generationOf(this.#slot, this.#seed)
    const position = positionOf(this.#slot.sequence)
    for (let at = 0; at < pages.length; at += PAGE)
      await this.#write(pages.subarray(at, at + PAGE), position + at)
  }

  async #write(pages: Uint8Array, position: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    try {
      await this.#file.write(pages, position)
      await this.#file.sync()
    } catch (error) {
      this.#failure = writeError(this.#path, error)
      throw this.#failure
    }
  }

  async close(): Promise<void> {
    this.#failure ??= new NexusError({ code: 'LAST_SIGNED_CLOSED', path: this.#path })
    await this.#file.close()
  }
}

/**
 * What a file remembers, for people: it signs nothing and changes nothing. Null when there is none;
 * throws LAST_SIGNED_CORRUPT.
 */
export async function readLastSigned(
  path: string,
  fileSystem: FileSystem,
): Promise<(SignerIdentity & LastSigned) | null> {
  const contents = await fileSystem.read(path)
  if (contents === null) return null
  const body = contents.length === LAST_SIGNED_BYTES ? bodyOf(contents.subarray(0, PAGE), 0) : null
  const identity = body === null ? null : decode(identityCodec, body)
  if (identity === null || !identity.ok) throw corrupt(path, 'its first page')
  const { chainId, address } = identity.value
  const slot = recoverSlot(contents, crc32c(identityPage({ chainId, address })), path)
  return { chainId, address, ...slot }
}

const MAGIC = 0x4e584c53
const FILE_VERSION = 1

type StoredIdentity = SignerIdentity & { readonly magic: number; readonly version: number }

const identityCodec: Codec<StoredIdentity> = struct<StoredIdentity>({
  magic: u32,
  version: u32,
  chainId: int,
  address: fixedBytes(ADDRESS_LENGTH),
})
const IDENTITY_BYTES = 36

/** The longest sign-bytes are those of a proposal, 57. */
const slotCodec: Codec<Slot> = struct<Slot>({
  sequence: int,
  height: int,
  round: u32,
  step: u8,
  signBytes: bytes(64),
  signature: fixedBytes(SIGNATURE_LENGTH),
})

function identityPage(identity: SignerIdentity): Uint8Array {
  const { chainId, address } = identity
  const body = encode(identityCodec, { magic: MAGIC, version: FILE_VERSION, chainId, address })
  return pageOf(body, 0)
}

/** length u32 | body | crc32c of all before, seeded | zeros. */
function pageOf(body: Uint8Array, seed: number): Uint8Array {
  const page = new Uint8Array(PAGE)
  const view = new DataView(page.buffer)
  view.setUint32(0, body.length)
  page.set(body, 4)
  view.setUint32(4 + body.length, crc32c(page, seed, 4 + body.length))
  return page
}

function bodyOf(page: Uint8Array, seed: number): Uint8Array | null {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength)
  const length = view.getUint32(0)
  if (length > PAGE - 8) return null
  if (view.getUint32(4 + length) !== crc32c(page, seed, 4 + length)) return null
  return page.subarray(4, 4 + length)
}

const positionOf = (sequence: number): number => PAGE + (sequence % GENERATIONS) * GENERATION_BYTES

function generationOf(slot: Slot, seed: number): Uint8Array {
  assert(slot.signBytes.length <= 64, 'sign-bytes fit their slot')
  const page = pageOf(encode(slotCodec, slot), seed)
  const out = new Uint8Array(GENERATION_BYTES)
  for (let copy = 0; copy < COPIES; copy++) out.set(page, copy * PAGE)
  return out
}

function checkIdentity(contents: Uint8Array, expected: SignerIdentity, path: string): void {
  if (contents.length !== LAST_SIGNED_BYTES) throw corrupt(path, 'its size is wrong')
  const body = bodyOf(contents.subarray(0, PAGE), 0)
  if (body === null || body.length !== IDENTITY_BYTES) throw corrupt(path, 'its first page')
  const identity = decode(identityCodec, body)
  if (!identity.ok || identity.value.magic !== MAGIC) throw corrupt(path, 'its first page')
  const { version, chainId, address } = identity.value
  if (version !== FILE_VERSION)
    throw new NexusError({ code: 'LAST_SIGNED_VERSION', path, found: version })
  if (chainId === expected.chainId && equalBytes(address, expected.address)) return
  const found = `validator ${toHex(address)} on chain ${chainId}`
  throw new NexusError(
    { code: 'LAST_SIGNED_OTHER_KEY', path, found },
    { message: `${path} belongs to ${found}: use the state file of this key` },
  )
}

/** The newest state. LAST_SIGNED_CORRUPT unless the others are what finished and torn writes leave. */
function recoverSlot(contents: Uint8Array, seed: number, path: string): Slot {
  const slots: Slot[] = []
  for (let at = PAGE; at < contents.length; at += PAGE) {
    const slot = slotAt(contents, at, seed, path)
    if (slot !== null) slots.push(slot)
  }
  const newest = slots.reduce(
    (best, slot) => (slot.sequence > (best?.sequence ?? -1) ? slot : best),
    slots[0],
  )
  if (newest === undefined) throw corrupt(path, 'no copy of the state is whole')
  const { sequence } = newest
  const generation = positionOf(sequence)
  // The newest state was written beside a whole copy of the one before it. So a generation that is
  // whole and holds anything else did not get there by a crash. Single old pages may be left over.
  const beside = slots.filter((slot) => positionOf(slot.sequence) !== generation)
  const isStray = beside.length === COPIES && beside.every((slot) => slot.sequence < sequence - 1)
  if (isStray) throw corrupt(path, 'its states do not follow')
  const differs = slots.some((slot) => slot.sequence === sequence && !sameState(slot, newest))
  if (differs) throw corrupt(path, 'its copies differ')
  return newest
}

/** Null: the page is not whole. */
function slotAt(contents: Uint8Array, at: number, seed: number, path: string): Slot | null {
  const body = bodyOf(contents.subarray(at, at + PAGE), seed)
  if (body === null) return null
  const decoded = decode(slotCodec, body)
  if (!decoded.ok) throw corrupt(path, 'a state does not decode')
  const slot = decoded.value
  const generation = positionOf(slot.sequence)
  if (at < generation || at >= generation + GENERATION_BYTES)
    throw corrupt(path, 'a state is in the wrong place')
  return slot
}

const sameState = (a: LastSigned, b: LastSigned): boolean =>
  a.height === b.height &&
  a.round === b.round &&
  a.step === b.step &&
  equalBytes(a.signBytes, b.signBytes) &&
  equalBytes(a.signature, b.signature)

const missing = (path: string): NexusError =>
  new NexusError(
    { code: 'LAST_SIGNED_MISSING', path },
    {
      message: `${path} is missing: it remembers what this validator signed, and without it the validator could sign twice. Copy the current one from where the validator signed last; or make one that refuses all that may have been signed: nexus keys guard --create --above HEIGHT`,
    },
  )

const writeError = (path: string, error: unknown): NexusError =>
  new NexusError(
    { code: 'LAST_SIGNED_WRITE', path, reason: String(error) },
    { message: `${path} cannot be written, so nothing can be signed: ${error}`, cause: error },
  )

const corrupt = (path: string, reason: string): NexusError =>
  new NexusError(
    { code: 'LAST_SIGNED_CORRUPT', path, reason },
    {
      message: `${path} is damaged (${reason}): nothing will be signed. Restore it from a copy that is not older than the last signature`,
    },
  )
