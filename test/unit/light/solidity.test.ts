// contracts/light on NexusEVM itself: real certificates pass, every change of one fails, and what it costs.
import {
  type Abi,
  decodeErrorResult,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
} from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import type { LightBlock, TrustedState } from '../../../consensus/light/index.ts'
import {
  positionsIn,
  type SolidityCommit,
  solidityCommit,
  solidityValidators,
} from '../../../contracts/light/calldata.ts'
import { blockIdOf, headerCodec } from '../../../core/chain/block.ts'
import { stateRootOf } from '../../../core/chain/roots.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { voteDigest } from '../../../core/chain/vote.ts'
import { bigintToBytes, bytesToBigint, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { signatures as scheme } from '../../../core/primitives/signature.ts'
import { type BlockId, heightOf } from '../../../core/primitives/units.ts'
import {
  BLOB_BASE_FEE,
  type CallResult,
  contractAddress,
  createSimulator,
  type Simulator,
} from '../../../evm/index.ts'
import { type Contract, contractsOf } from '../../support/crossing/artifacts.ts'
import {
  account,
  CHAIN_ID,
  createWorld,
  funded,
  keyNumber,
  signTransaction,
  type World,
} from '../../support/evmWorld.ts'
import {
  bytesOfText,
  keyOf,
  LIGHT_CHAIN_ID,
  lightBlockOf,
  setOf,
  ZERO_ID,
} from '../../support/lightChain.ts'

type Hex = `0x${string}`
const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`
const CHECKER = fromHex('c0de01'.padStart(40, '0'))
const relayer = keyNumber(1)
const NOW_S = 1_700_000_000
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n

let simulator: Simulator
let checker: Contract
let lightClient: Contract
beforeAll(async () => {
  simulator = await createSimulator({ chainId: CHAIN_ID, hardfork: 'prague' })
  checker = (await contractsOf('test/support/contracts/CommitChecker.sol'))('CommitChecker')
  lightClient = (await contractsOf('contracts/light/NexusLightClient.sol'))('NexusLightClient')
}, 120_000)

const powersOf = (size: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: size }, (_, i) => [`sol${i}`, 10 + (i % 3)]))

/** As on a chain: priorities move with every height. */
const sizedSet = (size: number, steps = 0): ValidatorSet => {
  const set = setOf(powersOf(size))
  return steps === 0 ? set : set.advance(steps)
}

const ROOTS = {
  evmRoot: bytesOfText('evm'),
  coreRoot: bytesOfText('core'),
  queueRoot: bytesOfText('queue'),
  consensusRoot: bytesOfText('consensus'),
}
const blockAt = (
  height: number,
  validators: ValidatorSet,
  part: { signers?: readonly number[]; previousBlockId?: BlockId; time?: number } = {},
): LightBlock =>
  lightBlockOf({
    height,
    time: NOW_S * 1_000 + height,
    validators,
    nextValidators: validators.advance(),
    stateRoot: stateRootOf(ROOTS, heightOf(height - 1)),
    ...part,
  })

/** As few signers as a quorum needs. */
const quorumOf = (set: ValidatorSet): number[] => {
  const signers: number[] = []
  let power = 0
  for (let i = 0; !set.isQuorum(power); i++) {
    signers.push(i)
    power += set.powerOf(i)
  }
  return signers
}

const contextOf = (world: World, timestamp = NOW_S + 60) => ({
  store: world.store,
  ancestorHash: () => null,
  block: {
    number: 1,
    timestamp,
    coinbase: new Uint8Array(20),
    prevRandao: new Uint8Array(32),
    gasLimit: 30_000_000,
    baseFeePerGas: 1n,
    blobBaseFee: BLOB_BASE_FEE,
  },
})
const LIMITS = { gasCap: 30_000_000, shouldStop: () => false }

/** `ok`, or the name of the error that the contract reverted with. */
function outcomeOf(abi: Abi, { status, returnData, error }: CallResult): string {
  if (status === 'success') return 'ok'
  if (status === 'revert' && returnData.length >= 4)
    return decodeErrorResult({ abi, data: hex(returnData) }).errorName
  return error ?? status
}

describe('CommitVerifier', () => {
  let world: World
  const [set, block] = [sizedSet(7, 3), blockAt(9, sizedSet(7, 3))]
  beforeAll(async () => {
    world = await createWorld([account(CHECKER, { nonce: 1, code: checker.runtime })])
  })

  const call = (functionName: string, args: readonly unknown[]): Promise<CallResult> => {
    const data = fromHex(encodeFunctionData({ abi: checker.abi, functionName, args }))
    return simulator.call(contextOf(world), { to: CHECKER, data }, LIMITS)
  }
  const returned = async (functionName: string, args: readonly unknown[]): Promise<unknown> => {
    const { returnData } = await call(functionName, args)
    return decodeFunctionResult({ abi: checker.abi, functionName, data: hex(returnData) })
  }
  type Question = SolidityCommit & {
    readonly chainId: bigint
    readonly height: bigint
    readonly id: Hex
    readonly set: Hex
  }
  const questionOf = (light: LightBlock): Question => ({
    ...solidityCommit(light),
    chainId: BigInt(LIGHT_CHAIN_ID),
    height: BigInt(light.header.height),
    id: `0x${blockIdOf(light.header)}`,
    set: hex(light.validators.hash),
  })
  const check = async (asked: Question): Promise<string> => {
    const { chainId, height, round, id, set: hash, validators, signatures } = asked
    const args = [chainId, height, round, id, hash, validators, signatures]
    return outcomeOf(checker.abi, await call('check', args))
  }

  it('hashes headers and sets as core/chain does', async () => {
    const header = hex(encode(headerCodec, block.header))
    expect(await returned('blockId', [header])).toBe(`0x${blockIdOf(block.header)}`)
    for (const size of [1, 2, 3, 4, 5, 7, 8, 33, 128]) {
      const sized = sizedSet(size, 5)
      const validators = solidityValidators(sized)
      expect(await returned('validatorsHash', [validators]), `${size}`).toBe(hex(sized.hash))
    }
    expect(outcomeOf(checker.abi, await call('blockId', [`${header}00`]))).toBe('BadHeader')
    expect(outcomeOf(checker.abi, await call('validatorsHash', [[]]))).toBe('BadSet')
  })

  it('accepts the certificates of core/chain, in any round and with any quorum', async () => {
    for (let height = 1; height <= 8; height++) {
      const sized = sizedSet(4 + height, height)
      const light = lightBlockOf({
        height,
        time: height,
        validators: sized,
        nextValidators: sized,
        signers: height % 2 === 0 ? quorumOf(sized) : sized.validators.map((_, i) => i),
        round: height % 3,
      })
      expect(await check(questionOf(light)), `height ${height}`).toBe('ok')
    }
  })

  it('refuses a certificate with anything changed', async () => {
    const good = questionOf(block)
    expect(await check(good)).toBe('ok')
    const { signatures, validators } = good
    const [first, second, ...others] = signatures as [
      SolidityCommit['signatures'][number],
      SolidityCommit['signatures'][number],
      ...SolidityCommit['signatures'],
    ]
    const word = (value: bigint): Hex => hex(bigintToBytes(value, 32))
    const numberOf = (value: Hex): bigint => bytesToBigint(fromHex(value))
    const parity = 1n << 255n
    const s = numberOf(first.vs) % parity
    // n − s with the other parity recovers to the same key, but has no place in this form: its top bit is the parity.
    const twin = word(((ORDER - s) % parity) | (numberOf(first.vs) >= parity ? 0n : parity))
    const withKey = (part: Partial<(typeof validators)[number]>) =>
      validators.map((one, i) => (i === 0 ? { ...one, ...part } : one))
    const otherKey = solidityValidators(setOf({ elsewhere: 1 }))[0]
    const changes: readonly [string, Partial<Question>, string][] = [
      ['another chain', { chainId: 1n }, 'WrongSigner'],
      ['another height', { height: 8n }, 'WrongSigner'],
      ['another round', { round: 1 }, 'WrongSigner'],
      ['another block', { id: hex(bytesOfText('other')) }, 'WrongSigner'],
      ['no block', { id: `0x${ZERO_ID}` }, 'WrongSigner'],
      ['another set', { set: hex(bytesOfText('other')) }, 'BadSet'],
      ['one less', { signatures: signatures.slice(0, 4) }, 'NotEnoughPower'],
      ['none', { signatures: [] }, 'NotEnoughPower'],
      ['one twice', { signatures: [first, first, ...others] }, 'NotAscending'],
      ['another order', { signatures: [second, first, ...others] }, 'NotAscending'],
      [
        'a stranger',
        { signatures: [...signatures.slice(0, 6), { ...first, index: 7 }] },
        'UnknownSigner',
      ],
      [
        'signatures of each other',
        { signatures: [{ ...second, index: 0 }, { ...first, index: 1 }, ...others] },
        'WrongSigner',
      ],
      ['another r', { signatures: [{ ...first, r: second.r }, second, ...others] }, 'WrongSigner'],
      [
        'the other parity',
        {
          signatures: [{ ...first, vs: word(numberOf(first.vs) ^ parity) }, second, ...others],
        },
        'WrongSigner',
      ],
      [
        'the twin with a high s',
        { signatures: [{ ...first, vs: twin }, second, ...others] },
        'WrongSigner',
      ],
      [
        'a high s',
        { signatures: [{ ...first, vs: word(parity - 1n) }, second, ...others] },
        'HighS',
      ],
      [
        'zeros',
        { signatures: [{ ...first, r: word(0n), vs: word(0n) }, ...others] },
        'WrongSigner',
      ],
      ['another power', { validators: withKey({ power: 1_000n }) }, 'BadSet'],
      ['another priority', { validators: withKey({ priority: 1n }) }, 'BadSet'],
      ['another key', { validators: withKey({ ...otherKey }) }, 'BadSet'],
      [
        'a point off the curve',
        { validators: withKey({ y: (validators[0]?.y ?? 0n) + 2n }) },
        'NotOnCurve',
      ],
      ['the other y', { validators: withKey({ y: (validators[0]?.y ?? 0n) ^ 1n }) }, 'BadSet'],
      ['one validator less', { validators: validators.slice(1) }, 'BadSet'],
    ]
    for (const [what, change, expected] of changes)
      expect(await check({ ...good, ...change }), what).toBe(expected)
  })

  it('asks for more than two thirds, not two thirds', async () => {
    const three = setOf({ a: 1, b: 1, c: 1 })
    const parts = { height: 2, time: 2, validators: three, nextValidators: three }
    expect(await check(questionOf(lightBlockOf({ ...parts, signers: [0, 1] })))).toBe(
      'NotEnoughPower',
    )
    expect(await check(questionOf(lightBlockOf(parts)))).toBe('ok')
  })

  it('refuses prevotes of the same block', async () => {
    const { chainId, height, round, id, validators } = questionOf(block)
    const digest = voteDigest({
      type: 'prevote',
      chainId: Number(chainId),
      height: heightOf(Number(height)),
      round: round as never,
      blockId: id.slice(2) as BlockId,
    })
    const names = Object.keys(powersOf(7))
    const signed = names
      .map((name) => {
        const { privateKey, publicKey } = keyOf(name)
        const { signature, recovery } = scheme.sign(digest, privateKey)
        const vs = signature.slice(32)
        vs[0] = (vs[0] as number) | (recovery << 7)
        const index = set.validators.findIndex((one) => one.publicKey === publicKey)
        return { index, r: hex(signature.slice(0, 32)), vs: hex(vs) }
      })
      .sort((a, b) => a.index - b.index)
    const asked = { ...questionOf(block), validators, signatures: signed }
    expect(await check(asked)).toBe('WrongSigner')
  })
})

describe('NexusLightClient', () => {
  const PERIOD_MS = 86_400_000
  let world: World
  let address: Uint8Array
  const set = sizedSet(4)
  const first = blockAt(1, set)

  const deploy = async (from: TrustedState): Promise<void> => {
    world = await createWorld(funded([relayer]))
    const start = {
      height: BigInt(from.height),
      time: BigInt(from.time),
      blockId: `0x${from.id}`,
      nextValidatorsHash: hex(from.nextValidators.hash),
    }
    const data = fromHex(
      encodeDeployData({
        abi: lightClient.abi,
        bytecode: hex(lightClient.creation),
        args: [BigInt(LIGHT_CHAIN_ID), BigInt(PERIOD_MS), 10_000n, start],
      }),
    )
    const { executed } = await world.block([
      signTransaction({ nonce: 0, to: null, gasLimit: 3_000_000, data }, relayer),
    ])
    expect(executed.transactions[0]?.receipt.status).toBe(1)
    address = contractAddress(relayer.address, 0)
  }
  const trusting = (block: LightBlock): TrustedState => ({
    height: block.header.height,
    time: block.header.time,
    id: blockIdOf(block.header),
    nextValidators: block.nextValidators,
  })
  const advanceData = (block: LightBlock): Uint8Array => {
    const { header, round, validators, signatures } = solidityCommit(block)
    const args = [header, round, validators, signatures]
    return fromHex(encodeFunctionData({ abi: lightClient.abi, functionName: 'advance', args }))
  }
  const skipData = (trusted: ValidatorSet, block: LightBlock, positions?: number[]): Uint8Array => {
    const { header, round, validators, signatures } = solidityCommit(block)
    const known = solidityValidators(trusted)
    const where = positions ?? positionsIn(trusted, block)
    const args = [header, round, validators, signatures, known, where]
    return fromHex(encodeFunctionData({ abi: lightClient.abi, functionName: 'skip', args }))
  }
  const tried = async (data: Uint8Array, timestamp?: number): Promise<string> =>
    outcomeOf(
      lightClient.abi,
      await simulator.call(contextOf(world, timestamp), { to: address, data }, LIMITS),
    )
  const sent = async (data: Uint8Array): Promise<number> => {
    const nonce = world.nonce(relayer.address)
    const transaction = signTransaction({ nonce, to: address, gasLimit: 10_000_000, data }, relayer)
    const { executed } = await world.block([transaction], {
      timestampMs: (NOW_S + 60) * 1_000,
    })
    const { receipt } = executed.transactions[0] ?? {}
    expect(receipt?.status).toBe(1)
    return receipt?.gasUsed ?? 0
  }
  const provesState = async (height: number, roots = ROOTS): Promise<unknown> => {
    const { evmRoot, coreRoot, queueRoot, consensusRoot } = roots
    const args = [height, ...[evmRoot, coreRoot, queueRoot, consensusRoot].map(hex)]
    const functionName = 'verifyState'
    const data = fromHex(encodeFunctionData({ abi: lightClient.abi, functionName, args }))
    const result = await simulator.call(contextOf(world), { to: address, data }, LIMITS)
    return decodeFunctionResult({
      abi: lightClient.abi,
      functionName,
      data: hex(result.returnData),
    })
  }

  it('follows neighbours, and knows the states that their headers commit to', async () => {
    await deploy(trusting(first))
    const second = blockAt(2, first.nextValidators, { previousBlockId: blockIdOf(first.header) })
    await sent(advanceData(second))
    expect(await provesState(1)).toBe(true)
    expect(await provesState(2)).toBe(false)
    expect(await provesState(1, { ...ROOTS, evmRoot: ROOTS.coreRoot })).toBe(false)
    const third = blockAt(3, second.nextValidators, { previousBlockId: blockIdOf(second.header) })
    await sent(advanceData(third))
    expect(await provesState(2)).toBe(true)
    expect(await tried(advanceData(third))).toBe('NotLater')
  })

  it('skips while a third of whom it trusts signs', async () => {
    await deploy(trusting(first))
    const trusted = first.nextValidators
    const changed = setOf({ sol0: 10, sol1: 11, new0: 12, new1: 10 })
    const later = blockAt(50, changed)
    expect(await tried(skipData(trusted, later))).toBe('ok')
    const few = setOf({ sol3: 10, new0: 12, new1: 10 })
    expect(await tried(skipData(trusted, blockAt(50, few)))).toBe('NotEnoughTrust')
    expect(await tried(skipData(few, later))).toBe('WrongValidators')
    const three = setOf({ sol0: 1, sol1: 1, sol2: 1 })
    const third = blockAt(50, setOf({ sol0: 1, new0: 1 }))
    await deploy({ ...trusting(first), nextValidators: three })
    expect(await tried(skipData(three, third)), 'exactly a third').toBe('NotEnoughTrust')
    await deploy(trusting(first))
    const positions = positionsIn(trusted, later)
    const known = positions.filter((position) => position !== 0xffff)
    const cheating = positions.map(() => known[0] as number)
    expect(await tried(skipData(trusted, later, cheating))).toBe('WrongPosition')
    expect(await tried(skipData(trusted, later, positions.slice(1)))).toBe('WrongPosition')
    expect(
      await tried(
        skipData(
          trusted,
          later,
          positions.map(() => 0xffff),
        ),
      ),
    ).toBe('NotEnoughTrust')
    const next = blockAt(2, trusted, { previousBlockId: blockIdOf(first.header) })
    expect(await tried(skipData(trusted, next))).toBe('NotAdjacent')
    await sent(skipData(trusted, later))
    expect(await provesState(49)).toBe(true)
  })

  it('refuses what does not follow, comes too late or too early', async () => {
    await deploy(trusting(first))
    const previousBlockId = blockIdOf(first.header)
    const next = blockAt(2, first.nextValidators, { previousBlockId })
    const outcome = (block: LightBlock, timestamp?: number) => tried(advanceData(block), timestamp)
    expect(await outcome(next)).toBe('ok')
    expect(await outcome(blockAt(2, first.nextValidators))).toBe('BrokenChain')
    expect(await outcome(blockAt(2, sizedSet(4, 3), { previousBlockId }))).toBe('WrongValidators')
    expect(await outcome(blockAt(3, first.nextValidators, { previousBlockId }))).toBe('NotAdjacent')
    expect(await outcome({ ...next, header: { ...next.header, chainId: 1 } })).toBe('WrongChain')
    const other = { ...next.header, stateRoot: bytesOfText('other') }
    const { signatures } = solidityCommit(next)
    const args = [hex(encode(headerCodec, other)), 0, solidityCommit(next).validators, signatures]
    const data = encodeFunctionData({ abi: lightClient.abi, functionName: 'advance', args })
    expect(await tried(fromHex(data))).toBe('WrongSigner')
    expect(await outcome(next, NOW_S + PERIOD_MS / 1_000 + 1)).toBe('Expired')
    expect(await outcome(next, NOW_S - 60)).toBe('FromFuture')
    const same = blockAt(2, first.nextValidators, { previousBlockId, time: first.header.time })
    expect(await outcome(same)).toBe('NotLater')
  })

  /** What contracts/light/README.md says; gas of whole transactions, all signatures of a quorum. */
  const GAS: readonly (readonly [size: number, advance: number, skip: number])[] = [
    [4, 104_978, 125_963],
    [16, 201_022, 283_539],
    [64, 584_608, 904_579],
    [100, 873_680, 1_374_092],
  ]
  it.each(GAS)('costs for %d validators what the README says', async (size, advance, skip) => {
    const start = blockAt(1, sizedSet(size))
    await deploy(trusting(start))
    const { nextValidators: announced } = start
    const signers = quorumOf(announced)
    const next = blockAt(2, announced, { previousBlockId: blockIdOf(start.header), signers })
    const gasOfAdvance = await sent(advanceData(next))
    await deploy(trusting(start))
    const later = announced.advance(7)
    const gasOfSkip = await sent(
      skipData(announced, blockAt(9, later, { signers: quorumOf(later) })),
    )
    expect([gasOfAdvance, gasOfSkip]).toEqual([advance, skip])
  })
})
