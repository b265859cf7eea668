// What a node that found a fork leaves behind, and what keeps it from starting again as if nothing were.
import * as fs from 'node:fs'
import { type Accused, type ForkReport, forkCodec, judgeFork } from '../../consensus/index.ts'
import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import { decode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { writeFileAtomic } from '../keys/files.ts'

export type ForkPaths = {
  readonly fork: string
  /** The operator renames the file to this to go on. */
  readonly acknowledgedFork: string
}

const accusedView = ({ validatorIndex, address, power }: Accused) => ({
  validatorIndex,
  address: `0x${toHex(address)}`,
  power,
})

/** For people; the evidence is what counts. */
function viewOf(report: ForkReport) {
  const { height, blockIds, rounds, provedPower, suspectedPower, totalPower } = report
  return {
    height,
    blockIds: blockIds.map((id) => `0x${id}`),
    rounds,
    proved: report.proved.map(accusedView),
    suspected: report.suspected.map(accusedView),
    signedBoth: report.signedBoth.map(accusedView),
    ...{ provedPower, suspectedPower, totalPower },
  }
}

/** Durable when it returns. */
export function saveFork({ fork: file }: Pick<ForkPaths, 'fork'>, evidence: Uint8Array): void {
  const view = viewOf(judged(evidence, file))
  const text = JSON.stringify({ ...view, evidence: `0x${toHex(evidence)}` }, null, 2)
  writeFileAtomic(file, `${text}\n`)
}

/**
 * The fork that the operator acknowledged, judged again from its evidence; null when there was none.
 * Throws FORK_DETECTED while one is not acknowledged, FORK_FILE_INVALID when the file says nothing.
 */
export function acknowledgedFork(paths: ForkPaths): ForkReport | null {
  if (fs.existsSync(paths.fork)) throw unacknowledged(paths, readFork(paths.fork))
  return fs.existsSync(paths.acknowledgedFork) ? readFork(paths.acknowledgedFork) : null
}

function readFork(file: string): ForkReport {
  const found = /"evidence":\s*"0x([0-9a-f]+)"/.exec(fs.readFileSync(file, 'utf8'))
  return judged(fromHex(found?.[1] ?? ''), file)
}

function judged(evidence: Uint8Array, file: string): ForkReport {
  const fork = decode(forkCodec, evidence)
  const report = fork.ok ? judgeFork(fork.value) : fork
  if (report.ok) return report.value
  throw new NexusError(
    { code: 'FORK_FILE_INVALID', path: file, reason: report.code },
    { message: `${file} does not hold the evidence of a fork (${report.code}).` },
  )
}

function unacknowledged(paths: ForkPaths, { height, blockIds }: ForkReport): NexusError {
  return new NexusError(
    { code: 'FORK_DETECTED', height, path: paths.fork },
    {
      message: `This node found a fork at height ${height} (${blockIds.join(' and ')}) and does not start until its operator has seen that. The evidence is in ${paths.fork}; to go on with the block that this node committed, rename the file to ${paths.acknowledgedFork}.`,
    },
  )
}
