import type { Hex } from 'viem'
import { voteDigest } from '../../core/chain/vote.ts'
import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import { recoverAddress } from '../../core/primitives/signature.ts'
import type { BlockId, Height, Round } from '../../core/primitives/units.ts'
import type { DevnetReport } from './devnet.ts'
import { call } from './jsonRpc.ts'
import { metricOf } from './metrics.ts'

type RpcCertificate = {
  readonly height: Hex
  readonly round: Hex
  readonly blockId: Hex
  readonly signatures: readonly { readonly address: Hex; readonly signature: Hex }[]
}

/**
 * What is wrong with the commit certificates that all nodes hold, from the first height to the
 * last: less than a quorum, a signature of somebody else, or, across nodes, two blocks signed at
 * one height and round by one validator. Empty when all is well.
 */
export async function certificateFaults(
  report: DevnetReport,
  first: number,
  last: number,
): Promise<string[]> {
  const faults: string[] = []
  const validators = new Set(report.validators.map(({ address }) => address.toLowerCase()))
  for (let height = first; height <= last; height++) {
    const blocks = new Set<string>()
    for (const { index, rpc } of report.validators) {
      const certificate = await certificateOf(rpc, height)
      if (certificate === null) {
        faults.push(`node ${index} has no certificate of height ${height}`)
        continue
      }
      blocks.add(certificate.blockId)
      const signers = signersOf(report.chainId, certificate)
      const unknown = [...signers].filter((address) => !validators.has(address))
      if (unknown.length > 0) faults.push(`height ${height}: signed by ${unknown.join()}`)
      if (3 * signers.size <= 2 * validators.size)
        faults.push(`node ${index}, height ${height}: only ${signers.size} signed`)
    }
    if (blocks.size > 1) faults.push(`height ${height} has ${blocks.size} certified blocks`)
  }
  return faults
}

/** Everybody who signed a certificate that some node holds, from the first height to the last. */
export async function signersBetween(
  report: DevnetReport,
  first: number,
  last: number,
): Promise<Set<string>> {
  const signers = new Set<string>()
  for (let height = first; height <= last; height++) {
    for (const { rpc } of report.validators) {
      const certificate = await certificateOf(rpc, height)
      if (certificate === null) continue
      for (const signer of signersOf(report.chainId, certificate)) signers.add(signer)
    }
  }
  return signers
}

const certificateOf = (rpc: string, height: number): Promise<RpcCertificate | null> =>
  call(rpc, 'nexus_commitCertificate', [`0x${height.toString(16)}`])

/** The addresses that signed, recovered from the signatures alone. */
function signersOf(chainId: number, certificate: RpcCertificate): Set<string> {
  const digest = voteDigest({
    type: 'precommit',
    chainId,
    height: Number(certificate.height) as Height,
    round: Number(certificate.round) as Round,
    blockId: certificate.blockId.replace(/^0x/, '') as BlockId,
  })
  const signers = new Set<string>()
  for (const { address, signature } of certificate.signatures) {
    const candidates = [0, 1].map((recovery) =>
      recoverAddress(fromHex(signature), recovery, digest),
    )
    if (candidates.some((found) => found !== null && `0x${toHex(found)}` === address.toLowerCase()))
      signers.add(address.toLowerCase())
  }
  return signers
}

/** Double votes and double proposals that a node has seen. */
export const equivocationsOf = (metricsUrl: string): Promise<number> =>
  metricOf(metricsUrl, 'nexus_consensus_equivocations_total')
