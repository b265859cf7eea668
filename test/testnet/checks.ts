// What a user sees of a testnet from outside, and must be true.
import type { Hex } from 'viem'
import { voteDigest } from '../../core/chain/vote.ts'
import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import { recoverAddress } from '../../core/primitives/signature.ts'
import type { BlockId, Height, Round } from '../../core/primitives/units.ts'
import { equivocationsOf } from '../support/certificates.ts'
import { call } from '../support/jsonRpc.ts'
import type { Load } from '../support/load.ts'
import { faultsOf, readChain } from '../support/sameChain.ts'
import { TESTNET_CHAIN_ID, type Testnet } from './testnet.ts'

/** What is wrong; empty when all is well. O(nodes x height). */
export async function faultsOfTestnet(testnet: Testnet, load: Load): Promise<string[]> {
  const top = Math.min(...(await testnet.heights()))
  const faults = [...(await chainFaults(testnet, top)), ...(await certificateFaults(testnet, top))]
  for (const [i, { metrics }] of testnet.members.entries()) {
    const equivocations = await equivocationsOf(metrics)
    if (equivocations > 0)
      faults.push(`node ${i} saw ${equivocations} equivocations of honest nodes`)
  }
  if (load.refusals.length > 0) faults.push(`a good transaction was refused: ${load.refusals[0]}`)
  const onChain = new Set<string>()
  for (const { block } of await readChain(testnet.urls[0] as string, 0, top))
    for (const { hash } of block.transactions) {
      if (onChain.has(hash)) faults.push(`${hash} is on the chain twice`)
      onChain.add(hash)
    }
  const lost = load.sent.filter(({ hash }) => !onChain.has(hash))
  if (lost.length > 0)
    faults.push(`${lost.length} transactions had receipts and are not on the chain`)
  return faults
}

/** The same blocks everywhere, each with the hashes and roots that the Ethereum specification gives it. */
async function chainFaults(testnet: Testnet, top: number): Promise<string[]> {
  const chains = await Promise.all(testnet.urls.map((url) => readChain(url, 0, top)))
  const [first] = chains
  if (first === undefined) return ['there is no node']
  const faults = await faultsOf(first)
  for (const [i, chain] of chains.entries())
    for (const [height, { block, receipts }] of chain.entries()) {
      const other = first[height]
      if (block.hash !== other?.block.hash) faults.push(`node ${i} has another block ${height}`)
      if (JSON.stringify(receipts) !== JSON.stringify(other?.receipts))
        faults.push(`node ${i} has other receipts of ${height}`)
    }
  return faults
}

type RpcCertificate = {
  readonly round: Hex
  readonly blockId: Hex
  readonly signatures: readonly { readonly address: Hex; readonly signature: Hex }[]
}

/** Every height is certified by more than two thirds of the power, and one block only. */
async function certificateFaults(testnet: Testnet, top: number): Promise<string[]> {
  const powers = new Map<string, number>()
  for (const { home, plan } of testnet.members)
    if (home.key !== null) powers.set(toHex(home.key.address), plan.power)
  const total = [...powers.values()].reduce((sum, power) => sum + power, 0)
  const faults: string[] = []
  for (let height = 1; height <= top; height++) {
    const blocks = new Set<string>()
    for (const [i, url] of testnet.urls.entries()) {
      const quantity = `0x${height.toString(16)}`
      const certificate = await call<RpcCertificate | null>(url, 'nexus_commitCertificate', [
        quantity,
      ])
      if (certificate === null) {
        faults.push(`node ${i} has no certificate of ${height}`)
        continue
      }
      blocks.add(certificate.blockId)
      const power = [...signersOf(certificate, height)]
        .map((signer) => powers.get(signer) ?? 0)
        .reduce((sum, one) => sum + one, 0)
      if (3 * power <= 2 * total) faults.push(`node ${i}: ${power} of ${total} certify ${height}`)
    }
    if (blocks.size > 1) faults.push(`two blocks of ${height} are certified`)
  }
  return faults
}

/** Recovered from the signatures alone. */
function signersOf({ round, blockId, signatures }: RpcCertificate, height: number): Set<string> {
  const digest = voteDigest({
    type: 'precommit',
    chainId: TESTNET_CHAIN_ID,
    height: height as Height,
    round: Number(round) as Round,
    blockId: blockId.replace(/^0x/, '') as BlockId,
  })
  const signers = new Set<string>()
  for (const { address, signature } of signatures) {
    const wanted = address.slice(2).toLowerCase()
    for (const recovery of [0, 1]) {
      const recovered = recoverAddress(fromHex(signature.slice(2)), recovery, digest)
      if (recovered !== null && toHex(recovered) === wanted) signers.add(wanted)
    }
  }
  return signers
}
