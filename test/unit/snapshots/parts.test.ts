import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compareBytes, toHex } from '../../../core/primitives/bytes.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { defaultExecutorSurroundings } from '../../../node/executor/openExecutor.ts'
import { checkManifest } from '../../../node/snapshots/checkManifest.ts'
import {
  encodeManifest,
  type Manifest,
  manifestCodec,
  manifestIdOf,
  type Part,
} from '../../../node/snapshots/manifest.ts'
import { accountsPartCodec, runPartCodec, storagePartCodec } from '../../../node/snapshots/parts.ts'
import type { Restore } from '../../../node/snapshots/restore.ts'
import { readPart } from '../../../node/snapshots/snapshotFiles.ts'
import { SnapshotWorld } from '../../support/snapshotWorld.ts'

let world: SnapshotWorld
let restore: Restore
beforeAll(async () => {
  world = await SnapshotWorld.create({ accounts: 400, contracts: [0, 30, 8_000] })
  restore = (await world.begin()).restore
  // Up to the storage and the codes, which can be checked from then on.
  for (const part of restore.parts)
    if (part.kind === 'accounts') expect(await restore.accept(part, bytesOf(part))).toBeNull()
}, 120_000)
afterAll(async () => {
  await restore.abandon()
  await world.close()
})

const bytesOf = (part: Part): Uint8Array => readPart(world.root, world.height, part)
const partOf = (kind: Part['kind']): Part => {
  const found = restore.parts.find((part) => part.kind === kind)
  if (found === undefined) throw new Error(`a snapshot has ${kind}`)
  return found
}
const { registry } = defaultExecutorSurroundings

/** A restore that has accepted nothing, for accounts. */
async function codeOf(kind: Part['kind'], bytes: Uint8Array): Promise<string | null> {
  if (kind !== 'accounts') return restore.accept(partOf(kind), bytes)
  const { restore: fresh } = await world.begin()
  const code = await fresh.accept(partOf(kind), bytes)
  await fresh.abandon()
  return code
}

describe('a part', () => {
  for (const kind of ['ancestors', 'accounts', 'run', 'storage', 'codes'] as const)
    it(`of ${kind} is refused with any byte changed`, async () => {
      const bytes = bytesOf(partOf(kind))
      await fc.assert(
        fc.asyncProperty(
          fc.nat(bytes.length - 1),
          fc.integer({ min: 1, max: 255 }),
          async (at, change) => {
            const changed = bytes.slice()
            changed[at] = (changed[at] as number) ^ change
            expect(await codeOf(kind, changed)).toMatch(/^[A-Z_]+$/)
          },
        ),
        { numRuns: kind === 'accounts' ? 25 : 60 },
      )
    }, 60_000)

  it('is refused when bytes are missing or more', async () => {
    const part = partOf('storage')
    const bytes = bytesOf(part)
    for (const wrong of [bytes.slice(1), bytes.slice(0, -1), new Uint8Array(0)])
      expect(await restore.accept(part, wrong)).toBe('PART_WRONG_SIZE')
    expect(await restore.accept(part, new Uint8Array(bytes.length))).toMatch(/^[A-Z_]+$/)
  })

  it('is refused in another order, with a key twice or one left out', async () => {
    const part = partOf('storage')
    const items = decode(storagePartCodec, bytesOf(part))
    if (!items.ok) throw new Error(items.code)
    const [first, second, ...rest] = items.value
    if (first === undefined || second === undefined) throw new Error('a part has items')
    const swapped = encode(storagePartCodec, [second, first, ...rest])
    expect(await restore.accept(part, swapped)).toBe('PART_WRONG_KEY')
    const twice = encode(storagePartCodec, [first, first, ...rest])
    expect(await restore.accept(part, twice)).toBe('PART_WRONG_KEY')
  })

  it('of accounts is refused under another path, and with storage that is not its own', async () => {
    const part = partOf('accounts')
    const items = decode(accountsPartCodec, bytesOf(part))
    if (!items.ok) throw new Error(items.code)
    const moved = items.value.map((item) => ({ ...item, address: item.address.toReversed() }))
    const sorted = moved.toSorted((a, b) =>
      compareBytes(keccak256(a.address), keccak256(b.address)),
    )
    const reversed = encode(accountsPartCodec, sorted)
    expect(await codeOf('accounts', reversed)).toMatch(/^PART_WRONG_(KEY|HASH)$/)
    const swapped = items.value.map((item) => {
      const [one, two, ...others] = item.storage ?? []
      if (one === undefined || two === undefined) return item
      return { ...item, storage: [{ ...one, value: two.value }, two, ...others] }
    })
    expect(swapped).not.toEqual(items.value)
    const code = await codeOf('accounts', encode(accountsPartCodec, swapped))
    expect(code).toMatch(/^PART_WRONG_(STORAGE|SIZE)$/)
  })

  it('of an arena is refused with a page of another run', async () => {
    const part = partOf('run')
    const pages = decode(runPartCodec, bytesOf(part))
    if (!pages.ok || part.kind !== 'run') throw new Error('a run')
    const moved = pages.value.map(({ index, bytes }) => ({ index: index + 256, bytes }))
    expect(await restore.accept(part, encode(runPartCodec, moved))).toBe('PART_WRONG_KEY')
  })
})

describe('a manifest', () => {
  const changed = (change: Partial<Manifest>): Uint8Array => {
    const manifest = decode(manifestCodec, world.manifest)
    if (!manifest.ok) throw new Error(manifest.code)
    return encodeManifest({ ...manifest.value, ...change })
  }
  const manifestOf = (): Manifest => {
    const decoded = decode(manifestCodec, world.manifest)
    if (!decoded.ok) throw new Error(decoded.code)
    return decoded.value
  }
  const judge = (bytes: Uint8Array): string | null => {
    const checked = checkManifest(bytes, world.anchor, registry)
    return checked.ok ? null : checked.code
  }

  it('is the same whoever makes it', async () => {
    expect(toHex(manifestIdOf(world.manifest))).toBe(toHex(manifestIdOf(changed({}))))
    expect(judge(world.manifest)).toBeNull()
  })

  it('is refused with any other root', () => {
    const other = new Uint8Array(32).fill(7)
    const manifest = manifestOf()
    for (const root of ['evmRoot', 'coreRoot', 'queueRoot', 'consensusRoot'] as const)
      expect(judge(changed({ roots: { ...manifest.roots, [root]: other } }))).toBe(
        'SNAPSHOT_WRONG_STATE_ROOT',
      )
    expect(judge(changed({ ethereumHash: other }))).toBe('SNAPSHOT_WRONG_RECEIPTS_ROOT')
    expect(judge(changed({ coreReceipts: other }))).toBe('SNAPSHOT_WRONG_RECEIPTS_ROOT')
    const [first, ...rest] = manifest.engineRoots
    if (first === undefined) throw new Error('a chain has engines')
    expect(judge(changed({ engineRoots: [other, ...rest] }))).toBe('SNAPSHOT_WRONG_CORE_ROOT')
  })

  it('is refused with parts that do not make the certified tries', () => {
    const { accounts, runs, contracts } = manifestOf()
    expect(judge(changed({ accounts: [] }))).toBe('SNAPSHOT_WRONG_EVM_ROOT')
    const split = accounts.flatMap((part) => [
      { ...part, path: `${part.path}0` },
      { ...part, path: `${part.path}1` },
    ])
    expect(judge(changed({ accounts: split }))).toBe('SNAPSHOT_WRONG_EVM_ROOT')
    expect(judge(changed({ accounts: accounts.toReversed().concat(accounts) }))).toBe(
      'SNAPSHOT_WRONG_EVM_ROOT',
    )
    expect(judge(changed({ runs: runs.slice(1) }))).toBe('SNAPSHOT_WRONG_CORE_ROOT')
    expect(judge(changed({ runs: runs.toReversed() }))).toBe('SNAPSHOT_WRONG_CORE_ROOT')
    const far = runs.map((run) => ({ ...run, engine: run.engine + 60 }))
    expect(judge(changed({ runs: far }))).toBe('SNAPSHOT_WRONG_CORE_ROOT')
    const [contract] = contracts
    if (contract === undefined) throw new Error('a large contract has parts of its own')
    const other = { ...contract, storageRoot: new Uint8Array(32) }
    expect(judge(changed({ contracts: [other] }))).toBe('SNAPSHOT_WRONG_STORAGE_ROOT')
    expect(judge(changed({ contracts: [contract, contract] }))).toBe('SNAPSHOT_WRONG_STORAGE_ROOT')
  })

  it('is refused with more parts than a snapshot may have, and with another height or format', () => {
    const codes = Array.from({ length: 100_000 }, () => ({ count: 1, bytes: 1 }))
    expect(judge(changed({ codes }))).toBe('SNAPSHOT_TOO_LARGE')
    expect(judge(changed({ format: 2 }))).toBe('SNAPSHOT_FORMAT')
    expect(judge(changed({ chainId: 1 }))).toBe('SNAPSHOT_WRONG_HEIGHT')
  })

  it('is refused or harmless with any byte changed', () => {
    const bytes = world.manifest
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = bytes.slice()
        other[at] = (other[at] as number) ^ change
        // Sizes and the counts of codes are compared with what comes: the id still tells it apart.
        expect(toHex(manifestIdOf(other))).not.toBe(toHex(manifestIdOf(bytes)))
        const code = judge(other)
        if (code !== null) expect(code).toMatch(/^[A-Z_]+$/)
      }),
      { numRuns: 300 },
    )
  })

  it('that leaves out storage or codes is found out by the accounts', async () => {
    for (const change of [{ contracts: [] }, { codes: [] }]) {
      const { restore: fresh } = await world.begin(changed(change))
      const codes = []
      for (const part of fresh.parts)
        if (part.kind === 'accounts') codes.push(await fresh.accept(part, bytesOf(part)))
      expect(codes.at(-1)).toMatch(/SNAPSHOT_INCOMPLETE|PART_WRONG_STORAGE/)
      await fresh.abandon()
    }
  })
})
