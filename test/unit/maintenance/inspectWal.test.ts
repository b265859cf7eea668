import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inputCodec } from '../../../consensus/index.ts'
import { encode, int } from '../../../core/primitives/codec.ts'
import { WAL_INPUT } from '../../../node/consensus/heightSession.ts'
import { Wal } from '../../../node/consensus/wal.ts'
import { HEADER_BYTES, RECORD_HEAD_BYTES, WAL_HEIGHT } from '../../../node/consensus/walFormat.ts'
import { inspectWals, linesOf, type WalLine } from '../../../node/maintenance/inspectWal.ts'
import { MemoryFileSystem } from '../../support/memoryFileSystem.ts'
import { IDENTITY } from '../../support/storedChain.ts'

const START = encode(inputCodec, { kind: 'start' })
const RECORD = RECORD_HEAD_BYTES + START.length
const FILE = '0000000000000005.wal'

/** The bytes of a WAL with as many `start` inputs, then whatever else is appended, then free space. */
async function walBytes(count: number, more: readonly (readonly [number, Uint8Array])[] = []) {
  const fileSystem = new MemoryFileSystem()
  const { wal } = await Wal.open('wal', {
    ...IDENTITY,
    height: 5,
    fileSystem,
    salt: new Uint8Array(16).fill(7),
    preallocatedBytes: 512,
  })
  for (let i = 0; i < count; i++) wal.append(WAL_INPUT, START)
  for (const [type, payload] of more) wal.append(type, payload)
  await wal.close()
  const bytes = await fileSystem.read(`wal/${FILE}`)
  if (bytes === null) throw new Error('the WAL was written')
  return { bytes: bytes.slice(), fileSystem }
}
const inspect = (bytes: Uint8Array): WalLine[] => [...linesOf({ path: FILE, height: 5 }, bytes)]
const kindsOf = (lines: readonly WalLine[]): string[] => lines.map(({ kind }) => kind)
const damageIn = (lines: readonly WalLine[]) =>
  lines.flatMap((line) =>
    line.kind === 'damage' ? [{ offset: line.offset, bytes: line.bytes, reason: line.reason }] : [],
  )

describe('inspecting a WAL', () => {
  it('shows header, records and free space', async () => {
    const { bytes, fileSystem } = await walBytes(3)
    const lines = inspect(bytes)
    expect(kindsOf(lines)).toEqual(['header', 'input', 'input', 'input', 'free'])
    expect(lines[0]).toMatchObject({ height: 5, chainId: IDENTITY.chainId })
    expect(lines[2]).toMatchObject({ offset: HEADER_BYTES + RECORD, summary: 'start' })
    const all: WalLine[] = []
    for await (const line of inspectWals('wal', fileSystem, 5)) all.push(line)
    expect(kindsOf(all)).toEqual(kindsOf(lines))
    for await (const line of inspectWals('wal', fileSystem, 6)) all.push(line)
    expect(all).toHaveLength(lines.length)
  })

  it('shows the records of one height of several in a file', async () => {
    const mark = (height: number) => [WAL_HEIGHT, encode(int, height)] as const
    const { fileSystem } = await walBytes(1, [
      mark(6),
      [WAL_INPUT, START],
      [WAL_INPUT, START],
      mark(7),
      [WAL_INPUT, START],
    ])
    const counts: number[] = []
    for (const height of [5, 6, 7, 8]) {
      const lines: WalLine[] = []
      for await (const line of inspectWals('wal', fileSystem, height)) lines.push(line)
      counts.push(lines.filter(({ kind }) => kind === 'input').length)
    }
    expect(counts).toEqual([1, 2, 1, 0])
  })

  it('names the place and the kind of damage, and goes on behind it', async () => {
    const { bytes } = await walBytes(3)
    const second = HEADER_BYTES + RECORD
    const flipped = (at: number): Uint8Array => {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 0x40
      return damaged
    }
    const whole = { offset: second, bytes: RECORD }
    const inHead = inspect(flipped(second + 4))
    expect(damageIn(inHead)).toEqual([{ ...whole, reason: 'HEAD_CHECKSUM' }])
    expect(kindsOf(inHead)).toEqual(['header', 'input', 'damage', 'input', 'free'])
    expect(damageIn(inspect(flipped(second + RECORD_HEAD_BYTES)))).toEqual([
      { ...whole, reason: 'PAYLOAD_CHECKSUM' },
    ])
    const cut = inspect(bytes.slice(0, second + RECORD_HEAD_BYTES))
    expect(damageIn(cut)).toEqual([
      { offset: second, bytes: RECORD_HEAD_BYTES, reason: 'CUT_SHORT' },
    ])
    expect(damageIn(inspect(flipped(10)))).toEqual([
      { offset: 0, bytes: bytes.length, reason: 'HEADER' },
    ])
    expect(damageIn([...linesOf({ path: FILE, height: 6 }, bytes)])).toEqual([
      { offset: 0, bytes: HEADER_BYTES, reason: 'OTHER_HEIGHT' },
    ])
  })

  it('tells whole records that no version of it writes', async () => {
    const { bytes } = await walBytes(0, [
      [9, START],
      [WAL_INPUT, Uint8Array.of(255, 255)],
    ])
    expect(damageIn(inspect(bytes)).map(({ reason }) => reason)).toEqual([
      'UNKNOWN_TYPE',
      'NOT_CANONICAL',
    ])
  })

  it('accounts for every byte of any file, and never throws', async () => {
    const { bytes } = await walBytes(4)
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 }).map((edits) => {
        const damaged = bytes.slice()
        for (const [at, value] of edits) damaged[at] = value
        return damaged
      }),
      fc.nat(bytes.length).map((length) => bytes.slice(0, length)),
    )
    fc.assert(
      fc.property(junk, (file) => {
        const lines = inspect(file)
        if (lines[0]?.kind !== 'header') return lines.length <= 1
        let end = HEADER_BYTES
        for (const line of lines.slice(1)) {
          expect(line.offset).toBe(end)
          end +=
            line.kind === 'input'
              ? RECORD
              : line.kind === 'damage' || line.kind === 'free'
                ? line.bytes
                : 0
        }
        expect(end).toBe(file.length)
        return true
      }),
      { numRuns: 500 },
    )
  })
})
