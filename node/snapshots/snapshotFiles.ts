import * as fs from 'node:fs'
import * as path from 'node:path'
import { type LightBlock, lightBlockCodec } from '../../consensus/light/lightBlock.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { type Manifest, manifestIdOf, type Part, partCountOf, partFile } from './manifest.ts'

const MANIFEST_FILE = 'manifest'
/** The certified blocks that the snapshot is checked against: its own and the next. */
const ANCHOR_FILES = { base: 'base', next: 'next' } as const
/** What is being written, or was when the process ended. */
const UNFINISHED = '.tmp'

/** What is said of a snapshot when it is offered. */
export type SnapshotInfo = {
  readonly height: number
  /** manifestIdOf. */
  readonly id: Uint8Array
  readonly parts: number
  readonly bytes: number
}

/** Writes one snapshot beside its place; nobody sees it before it is whole and on the disk. */
export class SnapshotWriter {
  readonly #root: string
  readonly #directory: string
  readonly #counts = new Map<Part['kind'], number>()

  /** Replaces what an earlier attempt left. */
  constructor(root: string, height: number) {
    this.#root = root
    this.#directory = path.join(root, `${height}${UNFINISHED}`)
    fs.rmSync(this.#directory, { recursive: true, force: true })
    fs.mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
  }

  /** The next part of its kind; returns its length. */
  write(kind: Part['kind'], bytes: Uint8Array): number {
    const nth = this.#counts.get(kind) ?? 0
    this.#counts.set(kind, nth + 1)
    this.#writeFile(partFile(kind, nth), bytes)
    return bytes.length
  }

  /** The manifest comes last; SNAPSHOT_TOO_LARGE where peers would not take it. */
  writeManifest(manifest: Manifest, bytes: Uint8Array): void {
    const parts = partCountOf(manifest)
    if (parts > LIMITS.snapshotParts || bytes.length > LIMITS.snapshotManifestBytes)
      throw new NexusError(
        { code: 'SNAPSHOT_TOO_LARGE', height: manifest.height, parts },
        { message: `the state has grown beyond a snapshot's ${LIMITS.snapshotParts} parts` },
      )
    this.#writeFile(MANIFEST_FILE, bytes)
  }

  /** Makes the snapshot visible; replaces one of the same height. */
  publish(height: number, anchor: { readonly base: LightBlock; readonly next: LightBlock }): void {
    this.#writeFile(ANCHOR_FILES.base, encode(lightBlockCodec, anchor.base))
    this.#writeFile(ANCHOR_FILES.next, encode(lightBlockCodec, anchor.next))
    syncDirectory(this.#directory)
    const place = path.join(this.#root, `${height}`)
    fs.rmSync(place, { recursive: true, force: true })
    fs.renameSync(this.#directory, place)
    syncDirectory(this.#root)
  }

  discard(): void {
    fs.rmSync(this.#directory, { recursive: true, force: true })
  }

  #writeFile(name: string, bytes: Uint8Array): void {
    const descriptor = fs.openSync(path.join(this.#directory, name), 'w', 0o600)
    try {
      for (let done = 0; done < bytes.length; )
        done += fs.writeSync(descriptor, bytes, done, bytes.length - done)
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  }
}

/** Heights of the finished snapshots in a directory, lowest first. Empty when there is none. */
export function snapshotHeights(root: string): readonly number[] {
  return entriesOf(root)
    .filter((name) => /^\d{1,16}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** Keeps the newest ones, and removes what earlier attempts left. */
export function pruneSnapshots(root: string, kept: number): void {
  const stale = [
    ...snapshotHeights(root)
      .slice(0, -kept || undefined)
      .map(String),
    ...entriesOf(root).filter((name) => name.endsWith(UNFINISHED)),
  ]
  for (const name of stale) fs.rmSync(path.join(root, name), { recursive: true, force: true })
}

/** The manifest of a snapshot; SNAPSHOT_MISSING. */
export const readManifest = (root: string, height: number): Uint8Array =>
  readSnapshotFile(root, height, MANIFEST_FILE)

/** A part as it was written; SNAPSHOT_MISSING. */
export const readPart = (root: string, height: number, { file }: Part): Uint8Array =>
  readSnapshotFile(root, height, file)

/** The blocks that came with a snapshot; whether they are certified is the caller's question. SNAPSHOT_DAMAGED. */
export function readAnchor(
  root: string,
  height: number,
): { readonly base: LightBlock; readonly next: LightBlock } {
  const of = (name: string): LightBlock => {
    const decoded = decode(lightBlockCodec, readSnapshotFile(root, height, name))
    if (!decoded.ok) throw damagedSnapshot(path.join(root, `${height}`, name), decoded.code)
    return decoded.value
  }
  return { base: of(ANCHOR_FILES.base), next: of(ANCHOR_FILES.next) }
}

export const infoOf = (manifest: Manifest, bytes: Uint8Array): SnapshotInfo => ({
  height: manifest.height,
  id: manifestIdOf(bytes),
  parts: partCountOf(manifest),
  bytes: totalBytesOf(manifest),
})

const totalBytesOf = ({ ancestors, accounts, runs, contracts, codes }: Manifest): number => {
  const sum = (parts: readonly { readonly bytes: number }[]): number =>
    parts.reduce((total, { bytes }) => total + bytes, 0)
  const storage = contracts.reduce((total, { parts }) => total + sum(parts), 0)
  return ancestors + sum(accounts) + sum(runs) + storage + sum(codes)
}

export const damagedSnapshot = (file: string, reason: string): NexusError =>
  new NexusError(
    { code: 'SNAPSHOT_DAMAGED', path: file, reason },
    { message: `${file} is not a part of a sound snapshot (${reason})` },
  )

function readSnapshotFile(root: string, height: number, name: string): Uint8Array {
  const file = path.join(root, `${height}`, name)
  try {
    return new Uint8Array(fs.readFileSync(file))
  } catch (cause) {
    throw new NexusError(
      { code: 'SNAPSHOT_MISSING', path: file },
      { message: `there is no file ${file}`, cause },
    )
  }
}

function entriesOf(root: string): readonly string[] {
  try {
    return fs.readdirSync(root)
  } catch {
    return []
  }
}

function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
