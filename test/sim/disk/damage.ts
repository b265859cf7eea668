import {
  decodeHeader,
  HEADER_BYTES,
  RECORD_HEAD_BYTES,
  saltCrc,
  spansOf,
} from '../../../node/consensus/walFormat.ts'
import { columnOf } from '../../../node/storage/schema.ts'
import { Prng } from '../core/prng.ts'
import { type CrashCase, runCase, type Topology, undisturbed } from './crashCase.ts'
import { emptyTally, type Tally, tallied } from './enumerate.ts'
import { PATHS } from './machine.ts'
import type { Fault, Operation, VirtualDisk } from './virtualDisk.ts'

export type DamageOptions = {
  readonly topology: Topology
  readonly heights: number
  readonly mayRefuse: (code: string) => boolean
}

/** What fails, at which operations, and what comes of the disk after the process has ended. */
export type FaultKind = {
  readonly name: string
  readonly fault: Fault
  readonly applies: (operation: Operation) => boolean
  /** Operations in a row that fail. */
  readonly length: number
  /** The power goes this many operations after the restart, with the loss of all that is not synced. */
  readonly thenPowerCut: number | null
}

const isFlush = ({ kind }: Operation): boolean =>
  kind === 'sync' || kind === 'syncDirectory' || kind === 'batch'
const isChange = (operation: Operation): boolean =>
  operation.kind === 'batch' || !isFlush(operation)

export const faultKinds: readonly FaultKind[] = [
  { name: 'full disk', fault: 'ENOSPC', applies: isChange, length: 1, thenPowerCut: null },
  {
    name: 'full disk for long',
    fault: 'ENOSPC',
    applies: isChange,
    length: 12,
    thenPowerCut: null,
  },
  { name: 'EIO', fault: 'EIO', applies: isChange, length: 1, thenPowerCut: 3 },
  { name: 'failing fsync', fault: 'fsync', applies: isFlush, length: 1, thenPowerCut: null },
  {
    name: 'failing fsync, then power cut',
    fault: 'fsync',
    applies: isFlush,
    length: 1,
    thenPowerCut: 5,
  },
  {
    name: 'failing fsync, later power cut',
    fault: 'fsync',
    applies: isFlush,
    length: 1,
    thenPowerCut: 14,
  },
]

/** Each fault at each operation that it can hit. */
export async function enumerateFaults(
  options: DamageOptions & { readonly kinds: readonly FaultKind[] },
  tally = emptyTally(),
): Promise<Tally> {
  const { topology, heights, mayRefuse } = options
  const calm: CrashCase = { ...undisturbed, topology, heights, seed: 1 }
  const { operations } = await runCase(calm)
  for (const operation of operations)
    for (const { name, fault, applies, length, thenPowerCut } of options.kinds) {
      const { index } = operation
      if (!applies(operation)) continue
      tally.points++
      const label = `${topology}, ${name} at ${index} (${operation.kind} ${operation.path})`
      const faulty: CrashCase = {
        ...calm,
        fault: (one) =>
          one.index >= index && one.index < index + length && applies(one) ? fault : null,
        crashes:
          thenPowerCut === null
            ? []
            : [null, { after: thenPowerCut, moment: 'before', fate: 'none' }],
      }
      await tallied(tally, label, faulty, mayRefuse)
    }
  return tally
}

type Spot = { readonly what: string; readonly rot: (disk: VirtualDisk) => void }

/**
 * The power goes in the middle of the run, and one bit of what is durable flips: in every record of
 * every WAL (head and payload), every page of the last-signed state, every record of the database.
 */
export async function enumerateRot(
  options: DamageOptions & { readonly crashAt: number },
  tally = emptyTally(),
): Promise<Tally> {
  const { topology, heights, crashAt, mayRefuse } = options
  const calm: CrashCase = {
    ...undisturbed,
    topology,
    heights,
    seed: 1,
    crashes: [{ after: crashAt, moment: 'after', fate: 'none' }],
  }
  const spots: Spot[] = []
  await runCase({ ...calm, tamper: (disk) => void spots.push(...spotsOf(disk)) })
  for (const { what, rot } of spots) {
    tally.points++
    const label = `${topology}, rot in ${what}, power cut at ${crashAt}`
    await tallied(tally, label, { ...calm, tamper: rot }, mayRefuse)
    const failure = tally.failures.at(-1)
    const waits = failure?.name === label && failure.message.startsWith('Error: STALLED')
    // It forgot the reason of its last vote, and abstains where the log and the signer disagree.
    if (waits && topology === 'needed' && what.startsWith('WAL')) {
      tally.failures.pop()
      tally.outcomes.set('abstains', (tally.outcomes.get('abstains') ?? 0) + 1)
    }
  }
  return tally
}

function spotsOf(disk: VirtualDisk): Spot[] {
  const prng = new Prng(disk.operations)
  const bit = prng.range(0, 7)
  const spots: Spot[] = []
  const inFile = (what: string, path: string, offset: number): void =>
    void spots.push({ what, rot: (later) => later.rotFile(path, offset, bit) })
  for (const [path, bytes] of disk.durableFiles()) {
    if (path.startsWith(PATHS.wal))
      for (const { what, offset } of walSpots(bytes, prng)) inFile(`WAL ${what}`, path, offset)
    if (path === PATHS.signed)
      for (let page = 0; page < bytes.length; page += PAGE_BYTES)
        inFile(`last-signed page ${page / PAGE_BYTES}`, path, page + prng.range(0, 60))
  }
  for (const { key, value } of disk.durableRecords(PATHS.database)) {
    const offset = prng.range(0, value.length - 1)
    const rot = (later: VirtualDisk): void => later.rotRecord(PATHS.database, key, offset, bit)
    spots.push({ what: `database ${columnOf(key)}`, rot })
  }
  return spots
}

const PAGE_BYTES = 4_096

function* walSpots(
  bytes: Uint8Array,
  prng: Prng,
): Generator<{ readonly what: string; readonly offset: number }> {
  const header = decodeHeader(bytes)
  if (header === null) return
  yield { what: 'header', offset: prng.range(0, HEADER_BYTES - 1) }
  const records = [...spansOf(bytes, saltCrc(header.salt))].filter((span) => span.kind === 'record')
  for (const [index, span] of records.entries()) {
    const what = index === records.length - 1 ? 'last record' : 'record'
    yield { what, offset: span.offset + prng.range(0, RECORD_HEAD_BYTES - 1) }
    const { length } = span.entry.payload
    if (length > 0)
      yield { what, offset: span.offset + RECORD_HEAD_BYTES + prng.range(0, length - 1) }
  }
}
