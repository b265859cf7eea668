import type { CorePort, SystemOutcome, SystemTransaction } from '../../../core/host/corePort.ts'
import { fromHex } from '../../../core/primitives/bytes.ts'
import type { EvmBlockCore, EvmBlockResult, GenesisAlloc } from '../../../evm/index.ts'
import { engineAccount } from '../../../evm/precompiles.ts'
import {
  account,
  COIN,
  createWorld,
  funded,
  type Key,
  keyNumber,
  signTransaction,
  type UnsignedTransaction,
  type World,
} from '../evmWorld.ts'
import { createFakeCore, type FakeCore } from './fakeCore.ts'
import { createScripts, type Scripts } from './script.ts'

export const ALICE: Key = keyNumber(1)
export const at = (hex: string): Uint8Array => fromHex(hex.padStart(40, '0'))
export const SCRIPT = at('c0de01')
export const OTHER_SCRIPT = at('c0de02')
export const SYSTEM = fromHex('fffffffffffffffffffffffffffffffffffffffe')

/** A chain of one funded key, two scripts and the fake engines. */
export type CoreWorld = {
  readonly world: World
  readonly core: FakeCore
  readonly scripts: Scripts
  /** One block of Alice's transactions. */
  send(...transactions: readonly Call[]): Promise<EvmBlockResult>
  system(...transactions: readonly SystemTransaction[]): Promise<SystemBlock>
}

export type Call = Omit<UnsignedTransaction, 'nonce'>
export type SystemBlock = {
  readonly result: EvmBlockResult
  readonly outcomes: readonly SystemOutcome[]
}

export const besides = (port: CorePort, part: Partial<EvmBlockCore> = {}): EvmBlockCore => ({
  port,
  systemTransactions: [],
  afterSystem: async () => {},
  ...part,
})

export async function createCoreWorld(extra: readonly GenesisAlloc[] = []): Promise<CoreWorld> {
  const scripts = await createScripts(SCRIPT)
  const core = createFakeCore()
  const code = scripts.runtime
  const world = await createWorld(
    [
      ...funded([ALICE]),
      account(SCRIPT, { code, nonce: 1, balance: 10n * COIN }),
      account(OTHER_SCRIPT, { code, nonce: 1, balance: 10n * COIN }),
      ...[0, 1, 2].map(engineAccount),
      ...extra,
    ],
    { gasLimit: 4_000_000_000 },
  )
  return {
    world,
    core,
    scripts,
    send(...transactions) {
      const first = world.nonce(ALICE.address)
      const signed = transactions.map((transaction, i) =>
        signTransaction({ gasLimit: 1_000_000, ...transaction, nonce: first + i }, ALICE),
      )
      return world.block(signed, { core: besides(core) })
    },
    async system(...systemTransactions) {
      const told: SystemOutcome[] = []
      const result = await world.block([], {
        core: besides(core, {
          systemTransactions,
          afterSystem: async (outcomes) => void told.push(...outcomes),
        }),
      })
      return { result, outcomes: told }
    },
  }
}

export const statusesOf = ({ executed }: EvmBlockResult): number[] =>
  executed.transactions.map(({ receipt }) => receipt.status)

/** What one transaction of the block cost its sender, in wei. */
export const feeOf = ({ executed }: EvmBlockResult, index = 0): bigint => {
  const receipt = executed.transactions[index]?.receipt
  return BigInt(receipt?.gasUsed ?? 0) * (receipt?.effectiveGasPrice ?? 0n)
}

export { COIN }
