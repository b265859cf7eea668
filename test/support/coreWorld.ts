// A NexusCore of one's own: eight users with money, and blocks in one call.
import type { ArenaDelta } from '../../core/arena/index.ts'
import { type ActionCall, signedEnvelopeCodec } from '../../core/chain/action.ts'
import { abiEntriesOf, encodeAbi, selectorOf } from '../../core/host/abi.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { CoreCall, CoreCallOutcome, SystemOutcome } from '../../core/host/corePort.ts'
import { encodeArgs } from '../../core/host/fieldCodec.ts'
import type { Registry } from '../../core/host/registry.ts'
import {
  type ActionInput,
  type CoreBlockResult,
  type CoreMachine,
  type CoreMachineOptions,
  createCoreMachine,
} from '../../core/machine/index.ts'
import { bytesToBigint, fromHex, toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { coreRegistry } from './engines/registry.ts'

export const CHAIN_ID = 7_777
export const GAS_RATIO = 10
export const BLOCK_GAS = 5_000_000
/** Room for one call beside the margin, and a small block. */
export const JOURNAL_ENTRIES = 2 ** 17
export const START_TIME = 1_700_000_000_000
export const USERS: readonly Uint8Array[] = Array.from({ length: 8 }, (_, i) =>
  new Uint8Array(20).fill(0x11 * (i + 1)),
)
export const userAt = (i: number): Uint8Array => USERS[i % USERS.length] as Uint8Array
export const STRANGER = new Uint8Array(20).fill(0xee)
const TREASURY = new Uint8Array(20).fill(0xcc)
export const BALANCE = 1_000_000_000_000
export const EVM_SUPPLY = 10n ** 24n

export const worldGenesis = {
  ledger: {
    assets: [
      {
        symbol: 'USDX',
        coreDecimals: 6,
        evmDecimals: 18,
        issuance: 'fixed',
        burning: 'nobody',
        issuer: null,
      },
      {
        symbol: 'NXS',
        coreDecimals: 6,
        evmDecimals: 18,
        issuance: 'issuer',
        burning: 'holders',
        issuer: USERS[0] as Uint8Array,
      },
    ],
    balances: USERS.flatMap((address) =>
      [0, 1].map((asset) => ({ address, asset, amount: BALANCE })),
    ),
    fees: {
      gasPrice: { initial: 10, floor: 1, cap: 1_000_000 },
      treasury: TREASURY,
      burnedShare: 500_000,
      registrationFee: 1_000_000,
    },
    evmSupply: EVM_SUPPLY,
    depositEngines: [2, 5],
  },
  exchange: (idOf: (address: Uint8Array) => number) => ({
    admin: idOf(userAt(0)),
    treasury: idOf(TREASURY),
    burnShare: 100_000,
    markets: [],
  }),
}

/** A call as tests write it: arguments by name, accounts as addresses. */
export type TestCall = {
  readonly engine: number
  readonly fn: string
  readonly args: { readonly [name: string]: unknown }
}

export const engineOf = (registry: Registry, id: number): Coprocessor =>
  registry.engines.find((engine) => engine.id === id) as Coprocessor

export function actionOf(
  registry: Registry,
  options: {
    readonly signer: Uint8Array
    readonly nonce: number
    readonly calls: readonly TestCall[]
    readonly atomic?: boolean
    readonly maxFee?: number
    readonly chainId?: number
  },
): ActionInput {
  const { calls, ...rest } = options
  const actions = calls.map(({ engine, fn: name, args }) => {
    const fn = engineOf(registry, engine).publicFns[name]
    if (fn === undefined) throw new Error(`no function ${name}`)
    return { engine, fn: fn.id, args: encodeArgs(fn.args, args as never) }
  })
  return rawActionOf({ ...rest, actions })
}

/** The same from encoded calls. The signature is empty: who signed is given beside the bytes. */
export function rawActionOf(options: {
  readonly signer: Uint8Array
  readonly nonce: number
  readonly actions: readonly ActionCall[]
  readonly atomic?: boolean
  readonly maxFee?: number
  readonly chainId?: number
}): ActionInput {
  const { signer, nonce, actions, atomic = false } = options
  const { maxFee = 1_000_000, chainId = CHAIN_ID } = options
  const envelope = { chainId, signer, nonce, expiresAfter: null, maxFee, atomic, actions }
  const signature = new Uint8Array(64)
  const bytes = encode(signedEnvelopeCodec, { envelope, form: 'compact', signature, recovery: 0 })
  return { bytes, signer }
}

export type Following = {
  readonly height: number
  readonly nextNonce: number
  readonly tokens: ReadonlyMap<string, bigint>
}

export type EvmScript = (world: CoreWorld) => bigint

/** Drives a machine and keeps the two numbers that the EVM would: its native supply, and the height. */
export class CoreWorld {
  readonly machine: CoreMachine
  readonly registry: Registry
  height = 0
  #nonce = START_TIME
  /** Supplies of system tokens, as the EVM would have them; and what the block under way adds. */
  #tokens = new Map<string, bigint>()
  #minted: readonly { readonly token: string; readonly amount: bigint }[] = []

  /** `genesis` false: all arenas as they are given, or empty. */
  constructor(options: Partial<CoreMachineOptions> & { readonly genesis?: boolean } = {}) {
    this.registry = options.registry ?? coreRegistry
    this.machine = createCoreMachine({
      params: { chainId: CHAIN_ID, blockGas: BLOCK_GAS, gasRatio: GAS_RATIO },
      arena: { journalEntries: JOURNAL_ENTRIES },
      now: () => 0,
      ...options,
      registry: this.registry,
    })
    if (options.genesis !== false) this.machine.genesis(worldGenesis)
  }

  /** Goes on at another world's height, with the nonces it would use next. */
  follow({ height, nextNonce, tokens }: Following): void {
    this.height = height
    this.#nonce = nextNonce
    this.#tokens = new Map(tokens)
  }

  get following(): Following {
    return { height: this.height, nextNonce: this.#nonce, tokens: new Map(this.#tokens) }
  }

  timeOf(height: number): number {
    return START_TIME + height * 1_000
  }

  action(
    user: number,
    calls: readonly TestCall[],
    options: { readonly atomic?: boolean; readonly maxFee?: number; readonly nonce?: number } = {},
  ): ActionInput {
    const nonce = this.#nonce++
    return actionOf(this.registry, { signer: userAt(user), nonce, calls, ...options })
  }

  rawAction(user: number, actions: readonly ActionCall[]): ActionInput {
    return rawActionOf({ signer: userAt(user), nonce: this.#nonce++, actions })
  }

  /**
   * Everything up to the EVM phase. Outcomes are successes unless said otherwise; `during` makes the
   * calls of system transactions. Returns the change of the native supply.
   */
  async open(
    actions: readonly ActionInput[],
    outcomeOf: (nonce: number) => SystemOutcome['status'] = () => 'success',
    during: EvmScript = () => 0n,
  ): Promise<bigint> {
    const { machine } = this
    this.height++
    const transactions = machine.begin({
      height: this.height,
      time: this.timeOf(this.height),
      messages: machine.pendingMessages(),
      actions,
    })
    const outcomes = transactions.map(({ nonce }) => ({
      nonce,
      status: outcomeOf(nonce),
      returnData: new Uint8Array(0),
    }))
    const taken = during(this)
    await machine.actions(outcomes)
    const done = transactions.filter(({ nonce }) => outcomeOf(nonce) === 'success')
    // mint(address,uint256) on a token: four bytes, the recipient, the amount.
    this.#minted = done
      .filter(({ to, data }) => to[0] === 0x20 && data.length === 68)
      .map(({ to, data }) => ({ token: toHex(to), amount: bytesToBigint(data.subarray(36)) }))
    return done.reduce((minted, { mint }) => minted + mint, -taken)
  }

  close(nativeDelta: bigint): CoreBlockResult {
    const tokenSupply = (token: Uint8Array): bigint =>
      this.#minted
        .filter((minted) => minted.token === toHex(token))
        .reduce((sum, { amount }) => sum + amount, this.#tokens.get(toHex(token)) ?? 0n)
    return this.machine.finish({ burnedWei: 0n, nativeDelta, tokenSupply })
  }

  commit(): readonly ArenaDelta[] {
    for (const { token, amount } of this.#minted) {
      this.#tokens.set(token, (this.#tokens.get(token) ?? 0n) + amount)
    }
    return this.machine.commit()
  }

  /** One block; `evm` makes its calls and says how much native coin they burned for Core. */
  async block(
    actions: readonly ActionInput[] = [],
    evm: EvmScript = () => 0n,
  ): Promise<CoreBlockResult> {
    const minted = await this.open(actions)
    const result = this.close(minted - evm(this))
    this.commit()
    return result
  }

  /** A precompile call by its Solidity name; without one, `data` and `engine` say what to call. */
  call(
    caller: Uint8Array,
    call: TestCall | null,
    options: Partial<CoreCall> = {},
  ): CoreCallOutcome {
    return this.machine.port.call({
      engine: call?.engine ?? 0,
      caller,
      value: 0n,
      data:
        call === null
          ? new Uint8Array(0)
          : calldataOf(engineOf(this.registry, call.engine), call.fn, call.args),
      isStatic: false,
      isDelegate: false,
      gasLimit: 1_000_000,
      ...options,
    })
  }

  roots(): readonly string[] {
    return this.machine.arenas.map((arena) => Buffer.from(arena.root()).toString('hex'))
  }
}

const asAddresses = { idOf: () => 0, addressOf: (id: unknown) => id as Uint8Array }

/** Every selector of the engine with the same bytes behind, and the bytes alone. */
export function junkCalldata(engine: Coprocessor, tail: Uint8Array): readonly Uint8Array[] {
  const selectors = [...abiEntriesOf(engine).keys()].map((selector) => fromHex(selector))
  return [tail, ...selectors.map((selector) => Uint8Array.from([...selector, ...tail]))]
}

/** Selector and arguments; account fields are given as addresses. */
export function calldataOf(
  engine: Coprocessor,
  name: string,
  args: { readonly [name: string]: unknown },
): Uint8Array {
  const fields = (engine.publicFns[name] ?? engine.views[name])?.args
  if (fields === undefined) throw new Error(`no function ${name}`)
  const body = encodeAbi(fields, args as never, asAddresses as never)
  return Uint8Array.from([...fromHex(selectorOf(name, fields)), ...body])
}
