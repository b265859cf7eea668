import {
  type Abi,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
} from 'viem'
import { createExchange } from '../../../coprocessors/exchange/index.ts'
import { ledger, ledgerSchemaOf } from '../../../coprocessors/ledger/index.ts'
import { messenger } from '../../../coprocessors/messenger/index.ts'
import type { ViewContext } from '../../../core/host/coprocessor.ts'
import type { CorePort, SystemTransaction } from '../../../core/host/corePort.ts'
import { precompileOf } from '../../../core/host/precompile.ts'
import { asEngine, type Registry } from '../../../core/host/registry.ts'
import {
  type CoreBlockResult,
  type CoreMachine,
  createCoreMachine,
} from '../../../core/machine/index.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import {
  type CallResult,
  contractAddress,
  createSimulator,
  type EvmBlockResult,
  type GenesisAlloc,
  systemTokenAccount,
  systemTokenAddress,
  totalSupplyOf,
} from '../../../evm/index.ts'
import { engineAccount } from '../../../evm/precompiles.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import {
  CHAIN_ID,
  COIN,
  createWorld,
  funded,
  GWEI,
  type Key,
  keyNumber,
  signTransaction,
  type World,
} from '../evmWorld.ts'
import { contractsOf } from './artifacts.ts'

export const NXS = 1
export const UNIT = 1_000_000
export const WEI_PER_UNIT = 10n ** 12n
export const [LEDGER, EXCHANGE, MESSENGER] = [precompileOf(1), precompileOf(2), precompileOf(0)]
export const NXS_TOKEN = systemTokenAddress(NXS)
const TREASURY = fromHex('00000000000000000000000000000000000fee01')

/** One NXS a lot, a hundredth of a USDX a tick; a price of 1,000 is 10 USDX. */
export const MARKET = {
  base: NXS,
  quote: 0,
  tickSize: 10_000,
  lotSize: UNIT,
  minNotional: UNIT,
  maxOrder: 1_000_000,
  maxPrice: 100_000,
  bandPercent: 90,
  referencePrice: 1_000,
  openOrderLimit: 1_000,
  marketOrderLimit: 10_000,
} as const

export type Send = {
  readonly from?: Key
  readonly to: Uint8Array | null
  readonly value?: bigint
  readonly data?: Uint8Array
  readonly gasLimit?: number
}
export type BothResults = {
  readonly evm: EvmBlockResult
  readonly core: CoreBlockResult
  readonly system: readonly SystemTransaction[]
}

/** Both machines with the real engines, block by block, every balance checked by conservation. */
export type MachineWorld = {
  readonly world: World
  readonly core: CoreMachine
  /** The same engines after the same blocks, each done again from its record, without an EVM. */
  readonly twin: CoreMachine
  /**
   * One block. `during` runs when Core is open to contracts, before the first transaction; `more`
   * follows what Core queued, which is not told of it.
   */
  block(
    sends: readonly Send[],
    during?: () => Promise<void>,
    more?: readonly SystemTransaction[],
  ): Promise<BothResults>
  deploy(file: string, args?: readonly unknown[], from?: Key): Promise<Deployed>
  /** A call on the state as `during` finds it. */
  call(to: Uint8Array, data: Uint8Array, value?: bigint): Promise<CallResult>
  /** A view of an engine, as committed. */
  view<T>(engine: number, name: string, args: object): T
}

export type Deployed = {
  readonly address: Uint8Array
  readonly abi: Abi
  send(name: string, args?: readonly unknown[], part?: Partial<Send>): Send
}

export type MachineOptions = {
  readonly keys: readonly Key[]
  readonly extra?: readonly GenesisAlloc[]
  /** Owners of 10,000 NXS and 100,000 USDX in Core. */
  readonly owners: readonly Uint8Array[]
}

export async function createMachineWorld(options: MachineOptions): Promise<MachineWorld> {
  const { keys, extra = [], owners } = options
  const alloc = [
    ...funded(keys, 10_000n * COIN),
    ...extra,
    ...[0, 1, 2].map(engineAccount),
    systemTokenAccount({ id: NXS }),
  ]
  const world = await createWorld(alloc, { gasLimit: 4_000_000_000 })
  const supply = alloc.reduce((sum, { balance }) => sum + balance, 0n)
  const core = createCore(supply, owners)
  const twin = createCore(supply, owners)
  const simulator = await createSimulator({ chainId: CHAIN_ID, hardfork: 'prague' })
  const machine: MachineWorld = {
    world,
    core,
    twin,
    async block(sends, during, more = []) {
      const nonces = new Map<string, number>()
      const signed = sends.map(({ from = keys[0] as Key, ...send }) => {
        const name = toHex(from.address)
        const nonce = nonces.get(name) ?? world.nonce(from.address)
        nonces.set(name, nonce + 1)
        const priced = { maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: 0n, gasLimit: 3_000_000 }
        return signTransaction({ ...priced, ...send, nonce }, from)
      })
      const { number, timestampMs } = world.input([])
      const messages = core.pendingMessages()
      const input = { height: number, time: timestampMs, messages, actions: [] }
      const system = core.begin(input)
      const evm = await world.block(signed, {
        core: {
          port: core.port,
          systemTransactions: [...system, ...more],
          async afterSystem(outcomes) {
            await core.actions(outcomes.slice(0, system.length))
            await during?.()
          },
        },
      })
      const { burnedWei, nativeDelta } = evm
      const tokenSupply = (token: Uint8Array) => totalSupplyOf(evm.slot, token)
      const result = core.finish({ burnedWei, nativeDelta, tokenSupply })
      core.commit()
      twin.begin(input)
      const again = await twin.replay(result.record)
      twin.commit()
      if (toHex(again.coreRoot) !== toHex(result.coreRoot)) throw new Error('the twin differs')
      return { evm, core: result, system }
    },
    async deploy(file, args = [], from = keys[0] as Key) {
      const name = file.split('/').at(-1)?.replace('.sol', '') ?? ''
      const { abi, creation } = (await contractsOf(file))(name)
      const bytecode: Hex = `0x${toHex(creation)}`
      const data = fromHex(encodeDeployData({ abi, bytecode, args }).slice(2))
      const address = contractAddress(from.address, world.nonce(from.address))
      const { evm } = await machine.block([{ from, to: null, data }])
      if (evm.executed.transactions[0]?.receipt.status !== 1) throw new Error(`${name} deploys`)
      return deployedAt(address, abi)
    },
    call(to, data, value = 0n) {
      const from = (keys[0] as Key).address
      return simulator.call(contextOf(world, core.port), { from, to, data, value }, CALL_LIMITS)
    },
    view(engine, name, args) {
      const { views } = coreRegistry.engines[engine] as (typeof coreRegistry.engines)[number]
      const context: ViewContext = { height: 0, time: 0 }
      const answer = views[name]?.read(core.arenas[engine]?.state as never, args as never, context)
      if (answer?.ok !== true) throw new Error(`${name}: ${answer?.code}`)
      return answer.value as never
    },
  }
  return machine
}

export const CALL_LIMITS = { gasCap: 10_000_000, shouldStop: () => false }
export const contextOf = (world: World, port: CorePort) => {
  const { number, timestampMs, coinbase, prevRandao, gasLimit, baseFeePerGas } = world.input([])
  const timestamp = timestampMs / 1_000
  const block = {
    number,
    timestamp,
    coinbase,
    prevRandao,
    gasLimit,
    baseFeePerGas,
    blobBaseFee: 1n,
  }
  return { store: world.store, block, ancestorHash: () => null, core: port }
}

export const deployedAt = (address: Uint8Array, abi: Abi): Deployed => ({
  address,
  abi,
  send: (functionName, args = [], part = {}) => ({
    to: address,
    data: calldata(abi, functionName, args),
    ...part,
  }),
})

export const calldata = (abi: Abi, functionName: string, args: readonly unknown[]): Uint8Array =>
  fromHex(encodeFunctionData({ abi, functionName, args }).slice(2))

export const resultOf = (abi: Abi, functionName: string, returned: Uint8Array): unknown =>
  decodeFunctionResult({ abi, functionName, data: `0x${toHex(returned)}` })

export const keyOfUser = (index: number): Key => keyNumber(100 + index)
export const hexOf = (address: Uint8Array): Hex => `0x${toHex(address)}`

/** The chain's engines with room for a test: hundreds of machines fit the memory of one. */
const SMALL_REGISTRY: Registry = {
  ...coreRegistry,
  engines: [
    asEngine(messenger),
    asEngine({
      ...ledger,
      schema: ledgerSchemaOf({
        accounts: 1_024,
        assets: 16,
        balances: 1_024,
        signers: 64,
        agents: 64,
        grants: 64,
      }),
    }),
    asEngine(createExchange({ orders: 4_096, balances: 1_024, timers: 64, assets: 16 })),
  ],
}

function createCore(evmSupply: bigint, owners: readonly Uint8Array[]): CoreMachine {
  const core = createCoreMachine({
    registry: SMALL_REGISTRY,
    arena: { journalEntries: 2 ** 18 },
    params: { chainId: CHAIN_ID, blockGas: 1_000_000_000, gasRatio: 5 },
    now: () => 0,
  })
  const terms = { coreDecimals: 6, evmDecimals: 18, issuance: 'fixed', burning: 'nobody' } as const
  core.genesis({
    ledger: {
      assets: ['USDX', 'NXS'].map((symbol) => ({ symbol, ...terms, issuer: null })),
      balances: owners.flatMap((address) => [
        { address, asset: 0, amount: 100_000 * UNIT },
        { address, asset: NXS, amount: 10_000 * UNIT },
      ]),
      fees: {
        gasPrice: { initial: 10, floor: 1, cap: 1_000_000 },
        treasury: TREASURY,
        burnedShare: 500_000,
        registrationFee: UNIT,
      },
      evmSupply,
      depositEngines: [2],
    },
    exchange: (idOf: (address: Uint8Array) => number) => ({
      admin: idOf(TREASURY),
      treasury: idOf(TREASURY),
      burnShare: 100_000,
      markets: [MARKET],
    }),
  })
  return core
}
