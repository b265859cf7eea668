// A light client and its proofs, over JSON-RPC of a node with a real database.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { decodeLightBlock, defaultLightOptions } from '../../../consensus/light/index.ts'
import { ledger } from '../../../coprocessors/ledger/index.ts'
import { blockIdOf } from '../../../core/chain/block.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import { contractAddress, createSimulator } from '../../../evm/index.ts'
import { trustedGenesis } from '../../../genesis/index.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import { ChainBackend, defaultChainBackendOptions } from '../../../node/rpc/chainBackend.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import { defaultChannelLimits } from '../../../rpc/channels/channelHub.ts'
import { type Hex, VerifiedClient, verifyAccountProof } from '../../../rpc/client/index.ts'
import { UNLIMITED } from '../../../rpc/clientBudgets.ts'
import { createCoreServices } from '../../../rpc/coreServices.ts'
import { Dispatcher } from '../../../rpc/dispatcher.ts'
import { Filters } from '../../../rpc/filters.ts'
import { data as hexOf } from '../../../rpc/format/hex.ts'
import { methodsOf } from '../../../rpc/methods/table.ts'
import { defaultRpcOptions } from '../../../rpc/options.ts'
import { ReceiptWaiters } from '../../../rpc/receiptWaiters.ts'
import { COIN, keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { replicaOf } from '../../support/replica.ts'
import { feesOf } from '../../support/rpcChain.ts'
import { sleep } from '../../support/wait.ts'

const data = (bytes: Uint8Array): Hex => hexOf(bytes) as Hex
const [user, other, poor] = [keyNumber(0), keyNumber(1), keyNumber(2)]
const nobody = { budget: UNLIMITED, subscriber: null }
let chain: RealChain
let reader: ChainReader
let backend: ChainBackend
/** What the node answers, changed by a liar. */
let lie: (method: string, result: unknown) => unknown

beforeEach(async () => {
  lie = (_, result) => result
  chain = await RealChain.create([user, other])
  reader = await ChainReader.open(chain.directory, {
    ...defaultChainReaderOptions,
    ...chain.identity,
  })
  const rules = { chainId: 3940, blockGasLimit: chain.genesis.consensus.maxBlockGas }
  const { engines } = coreRegistry
  backend = new ChainBackend(
    {
      ...defaultChainBackendOptions,
      identity: { ...chain.identity, clientVersion: 'test' },
      rules,
      fees: feesOf(chain.genesis),
      core: { chainId: 3940, blockGas: 20_000_000, gasRatio: 5 },
    },
    {
      reader,
      simulator: await createSimulator({ chainId: 3940, hardfork: 'prague' }),
      node: { call: (async () => null) as never },
      replica: await replicaOf(chain),
      recovery: new SenderRecovery({ rules, engines, threads: 0, eager: false }),
    },
  )
  const options = defaultRpcOptions
  const filters = new Filters(backend, options.limits)
  const receipts = new ReceiptWaiters(backend)
  const onCall = () => undefined
  const onFault = (fault: unknown) => expect.fail(String(fault))
  const core = createCoreServices({ backend, limits: defaultChannelLimits, onCall, onFault })
  const dispatcher = new Dispatcher({
    methods: methodsOf({ options, backend, filters, receipts, core }),
    limits: options.limits,
    onCall,
    onRefused: () => undefined,
    onFault,
  })
  vi.stubGlobal('fetch', async (_: string, { body }: { body: string }) => {
    const answer = JSON.parse((await dispatcher.answer(body, nobody)) ?? 'null')
    const { method } = JSON.parse(body)
    return new Response(JSON.stringify({ ...answer, result: lie(method, answer.result) }))
  })
})
afterEach(async () => {
  vi.unstubAllGlobals()
  backend.close()
  await reader.close()
  await chain.close()
})

async function mine(...transactions: Uint8Array[]): Promise<void> {
  const { skipped } = await chain.block(transactions)
  expect(skipped).toEqual([])
  backend.committed()
}
const pay = (nonce: number) => signTransaction({ nonce, to: other.address, value: COIN }, user)
/** Stores 7 in slot 1 and has no code. */
const storing = (nonce: number) =>
  signTransaction({ nonce, to: null, gasLimit: 100_000, data: fromHex('600760015500') }, user)

const start = (): Promise<VerifiedClient> =>
  VerifiedClient.start({
    url: 'http://node.invalid',
    witnesses: ['http://witness.invalid'],
    chainId: 3940,
    trusted: trustedGenesis(chain.genesis),
    light: { ...defaultLightOptions, trustingPeriodMs: millisOf(Number.MAX_SAFE_INTEGER / 4) },
  })
/** The header after the state asked for is one more block. */
async function proven<T>(question: Promise<T>): Promise<T> {
  const [answer] = await Promise.all([question, sleep(50).then(() => mine())])
  return answer
}

describe('nexus_getLightBlock', () => {
  it('is the block that light clients read, and says the same in words', async () => {
    for (let nonce = 0; nonce < 3; nonce++) await mine(pay(nonce))
    const client = await start()
    const header = await client.header('latest')
    expect(header.height).toBe(3)
    expect(blockIdOf(header)).toBe(chain.head.summary.blockId)
    expect(client.light.fetches).toBe(2)
    const json = (await (
      await fetch('http://node.invalid', {
        body: '{"jsonrpc":"2.0","id":1,"method":"nexus_getLightBlock","params":["0x2"]}',
      })
    ).json()) as { result: { bytes: string; header: object; stateRoots: object } }
    const decoded = decodeLightBlock(fromHex(json.result.bytes))
    expect(decoded.ok && decoded.value.header.height).toBe(2)
    expect(json.result).toMatchObject({ height: '0x2', round: '0x0', signers: [0] })
    expect(json.result.header).toMatchObject({ height: 2, chainId: 3940 })
    expect(Object.keys(json.result.stateRoots)).toHaveLength(4)
  })

  it('starts a client from a height and the id that nodes show', async () => {
    for (let nonce = 0; nonce < 3; nonce++) await mine(pay(nonce))
    const id = `0x${chain.head.summary.blockId}`
    const at = (height: number) =>
      VerifiedClient.start({
        url: 'http://node.invalid',
        witnesses: [],
        chainId: 3940,
        trusted: { height, id },
      })
    expect((await (await at(3)).header(3)).height).toBe(3)
    // Backwards by previous ids, whatever the time.
    expect((await (await at(3)).header(1)).height).toBe(1)
    await expect(at(2)).rejects.toMatchObject({ detail: { code: 'WRONG_ID' } })
  })

  it('of a node that changes it is refused', async () => {
    await mine()
    lie = (_, result) => {
      const answer = result as { bytes: string }
      return { ...answer, bytes: `${answer.bytes.slice(0, -2)}0a` }
    }
    await expect((await start()).header(1)).rejects.toMatchObject({
      detail: { code: 'BAD_BLOCK' },
    })
    lie = () => 'x'.repeat(100_000)
    await expect((await start()).header(1)).rejects.toMatchObject({
      detail: { code: 'NO_ANSWER' },
    })
  })
})

describe('a verified client', () => {
  const place = 1
  const wanted = {
    engine: 'ledger',
    schema: ledger.schema,
    engineIndex: coreRegistry.engines.findIndex(({ name }) => name === 'ledger'),
  }

  it('proves an account and its storage, and that there is none', async () => {
    await mine(pay(0), storing(1))
    const contract = data(contractAddress(user.address, 1))
    const client = await start()
    const account = await proven(client.account({ address: contract, slots: ['0x1', '0x2'] }))
    expect(account).toMatchObject({ height: 1, exists: true, nonce: 1n, balance: 0n })
    expect(account.storage.map(({ value }) => value)).toEqual([7n, 0n])
    const rich = await proven(client.account({ address: data(other.address) }))
    expect(rich).toMatchObject({ height: 2, exists: true, balance: 1_001n * COIN })
    const nothing = await proven(client.account({ address: data(poor.address), slots: ['0x5'] }))
    expect(nothing).toMatchObject({
      exists: false,
      nonce: 0n,
      balance: 0n,
      storage: [{ value: 0n }],
    })
  })

  it('proves a row of an engine', async () => {
    await mine()
    const row = await proven((await start()).row(wanted, 'assets', place))
    expect(row).toMatchObject({ engine: 'ledger', table: 'assets', row: 1 })
    expect(row.values).toMatchObject({ evmDecimals: 18 })
  })

  it('refuses what a node makes up', async () => {
    await mine(pay(0))
    const flip = (hex: string) => `${hex.slice(0, -1)}${hex.endsWith('0') ? '1' : '0'}`
    const failing = async (question: Promise<unknown>, code: string) =>
      expect(proven(question)).rejects.toMatchObject({ detail: { code } })
    type Roots = { stateRoots: { evmRoot: string } | null }
    lie = (method, result) => {
      if (method !== 'nexus_getLightBlock' || result === null) return result
      const { stateRoots, ...rest } = result as Roots
      return { ...rest, stateRoots: { ...stateRoots, evmRoot: flip(stateRoots?.evmRoot ?? '') } }
    }
    const address = data(user.address)
    await failing((await start()).account({ address }), 'WRONG_STATE_ROOT')
    type Proof = { accountProof: string[] }
    lie = (method, result) =>
      method === 'eth_getProof'
        ? { ...(result as Proof), accountProof: (result as Proof).accountProof.map(flip) }
        : result
    await failing((await start()).account({ address }), 'BAD_PROOF')
    lie = (method, result) =>
      method === 'nexus_getProof'
        ? { ...(result as { bytes: string }), bytes: flip((result as { bytes: string }).bytes) }
        : result
    await failing((await start()).row(wanted, 'assets', place), 'BAD_PROOF')
  })
})

describe('an account proof', () => {
  it('holds for no other account, root or part of it', async () => {
    await mine(pay(0), storing(1))
    const proofOf = async (address: Uint8Array, slots: readonly Uint8Array[]) => {
      const proof = await backend.proof(1, address, slots)
      if (!proof.ok) throw new Error('a proof of the latest block')
      const { accountProof, storageProof } = proof.value
      return {
        accountProof: accountProof.map(data),
        storageProof: storageProof.map(({ proof: nodes }) => ({ proof: nodes.map(data) })),
      }
    }
    const slot = fromHex('1'.padStart(64, '0'))
    const contract = contractAddress(user.address, 1)
    const json = await proofOf(contract, [slot])
    const root = reader.summary(1)?.roots.evmRoot ?? new Uint8Array()
    const wanted = (address: Uint8Array) => ({ address: data(address), slots: [data(slot)] })
    expect(verifyAccountProof(json, wanted(contract), root)).toMatchObject({
      ok: true,
      value: { storage: [{ value: 7n }] },
    })
    expect(verifyAccountProof(json, wanted(user.address), root)).toMatchObject({ ok: false })
    expect(verifyAccountProof(json, wanted(contract), slot)).toMatchObject({ ok: false })
    expect(verifyAccountProof({ ...json, storageProof: [] }, wanted(contract), root)).toEqual({
      ok: false,
      code: 'BAD_ANSWER',
    })
    for (const [i, node] of json.accountProof.entries()) {
      for (let at = 2; at < node.length; at += 7) {
        const changed = `${node.slice(0, at)}${node[at] === '0' ? '1' : '0'}${node.slice(at + 1)}`
        const accountProof = json.accountProof.with(i, changed as Hex)
        const verdict = verifyAccountProof({ ...json, accountProof }, wanted(contract), root)
        expect(verdict, `${toHex(contract)} node ${i} at ${at}`).toMatchObject({ ok: false })
      }
      const cut = json.accountProof.toSpliced(i, 1)
      expect(verifyAccountProof({ ...json, accountProof: cut }, wanted(contract), root).ok).toBe(
        false,
      )
      const more = [...json.accountProof, node]
      expect(verifyAccountProof({ ...json, accountProof: more }, wanted(contract), root).ok).toBe(
        false,
      )
    }
  })
})
