import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Block, blockCodec, blockIdOf } from '../../../core/chain/block.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { addressOfPrivateKey, signatures } from '../../../core/primitives/signature.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import { defaultCoreGenesis } from '../../../genesis/core.ts'
import { createGenesis, defaultConsensusParams, defaultEvmParams } from '../../../genesis/create.ts'
import { fundedAccount } from '../../../genesis/genesis.ts'
import { buildBlock } from '../../../node/consensus/blockBuilder.ts'
import { type ChainHead, storedValidatorSet } from '../../../node/executor/chainHead.ts'
import type { Executor } from '../../../node/executor/executor.ts'
import { openExecutor } from '../../../node/executor/openExecutor.ts'
import { testCertificate, testValidators } from '../../support/testChain.ts'

const { set, keys } = testValidators([1])
const userKey = new Uint8Array(32).fill(5)
const user = privateKeyToAccount(`0x${toHex(userKey)}`)
const recipient = `0x${'42'.repeat(20)}` as const

const created = createGenesis({
  chainId: 3940,
  genesisTime: millisOf(1_700_000_000_000),
  validators: [
    { name: 'solo', publicKey: signatures.publicKeyOf(keys[0] as Uint8Array), power: 1 },
  ],
  accounts: [fundedAccount(addressOfPrivateKey(userKey), 10n ** 21n)],
  consensus: defaultConsensusParams,
  evm: defaultEvmParams,
  core: defaultCoreGenesis,
})
if (!created.ok) throw new Error(created.problems)
const genesisText = created.text

let directory: string
let executor: Executor
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-executor-'))
  executor = await openExecutor({
    databasePath: directory,
    genesisText,
    historyBlocks: 16,
  })
})
afterEach(async () => {
  await executor.close()
  rmSync(directory, { recursive: true })
})

const transfer = async (nonce: number, value: bigint): Promise<Uint8Array> =>
  fromHex(
    await user.signTransaction({
      chainId: 3940,
      nonce,
      to: recipient,
      value,
      gas: 21_000n,
      maxFeePerGas: 2_000_000_000n,
      maxPriorityFeePerGas: 1n,
    }),
  )

let lastCommit: Block['payload']['lastCommit'] = null
function blockOn(
  { summary, pendingMessages }: ChainHead,
  transactions: readonly Uint8Array[],
): Block {
  return buildBlock({
    chainId: 3940,
    params: defaultConsensusParams,
    head: summary,
    validators: storedValidatorSet(summary.validators),
    nextValidators: storedValidatorSet(summary.nextValidators),
    proposer: set.addresses[0] as Uint8Array,
    timeMs: summary.time + 1_000,
    transactions,
    actions: [],
    messages: pendingMessages,
    evidence: [],
    lastCommit,
  })
}
const requestOf = (block: Block, senders: Uint8Array = new Uint8Array(0)) => ({
  height: block.header.height,
  blockId: blockIdOf(block.header),
  block: encode(blockCodec, block),
  senders,
  signers: new Uint8Array(0),
})
const execute = (block: Block, senders: Uint8Array = new Uint8Array(0)) =>
  executor.execute(requestOf(block, senders))
async function commit(block: Block): Promise<ChainHead> {
  const blockId = blockIdOf(block.header)
  const { height } = block.header
  lastCommit = testCertificate(keys, { height, blockId, signers: [0] })
  return executor.commit(blockId, lastCommit)
}

describe('Executor', () => {
  it('continues from the committed head after a restart', async () => {
    lastCommit = null
    const block = blockOn(executor.head, [await transfer(0, 7n)])
    const result = await execute(block)
    expect(result.included).toHaveLength(1)
    const head = await commit(block)
    expect(head.summary.stateRoot).toEqual(result.stateRoot)
    await executor.close()
    executor = await openExecutor({
      databasePath: directory,
      genesisText,
      historyBlocks: 16,
    })
    expect(executor.head).toEqual(head)
    const next = blockOn(executor.head, [await transfer(1, 7n)])
    expect((await execute(next)).included).toHaveLength(1)
  })

  it('undoes a candidate when another of the same height is executed', async () => {
    lastCommit = null
    const [one, other] = [
      blockOn(executor.head, [await transfer(0, 7n)]),
      blockOn(executor.head, [await transfer(0, 8n)]),
    ]
    const first = await execute(one)
    const second = await execute(other)
    expect(toHex(second.stateRoot)).not.toBe(toHex(first.stateRoot))
    expect(await execute(one)).toEqual({ ...first, timings: expect.anything() })
    await execute(other)
    expect((await commit(other)).summary.stateRoot).toEqual(second.stateRoot)
  })

  it('commits the decided block though another was executed since, and ignores what is stale', async () => {
    lastCommit = null
    const [one, other] = [
      blockOn(executor.head, [await transfer(0, 7n)]),
      blockOn(executor.head, [await transfer(0, 8n)]),
    ]
    await executor.speculate(requestOf(one))
    await executor.speculate(requestOf(other))
    const blockId = blockIdOf(one.header)
    const certificate = testCertificate(keys, {
      height: one.header.height,
      blockId,
      signers: [0],
    })
    const { head, result } = await executor.decide({ ...requestOf(one), certificate })
    expect(head.summary.blockId).toBe(blockId)
    expect(result.included).toHaveLength(1)
    await executor.speculate(requestOf(other))
    expect(executor.head).toEqual(head)
  })

  it('gives the same roots whether or not the senders are known', async () => {
    lastCommit = null
    const block = blockOn(executor.head, [await transfer(0, 7n)])
    const recovered = await execute(block)
    await execute(blockOn(executor.head, []))
    const known = await execute(block, addressOfPrivateKey(userKey))
    expect(known.stateRoot).toEqual(recovered.stateRoot)
    expect(known.receiptsRoot).toEqual(recovered.receiptsRoot)
  })

  it('skips what is invalid when its turn comes', async () => {
    lastCommit = null
    const block = blockOn(executor.head, [
      await transfer(5, 1n),
      await transfer(0, 1n),
      await transfer(0, 1n),
      await transfer(1, 10n ** 30n),
    ])
    const result = await execute(block)
    expect(result.included.map(({ nonce }) => nonce)).toEqual([0])
    expect(result.skipped.map(({ code }) => code)).toEqual([
      'NONCE_TOO_HIGH',
      'NONCE_TOO_LOW',
      'INSUFFICIENT_FUNDS',
    ])
    const head = await commit(block)
    expect(head.header.gasUsed).toBe(21_000)
  })
})
