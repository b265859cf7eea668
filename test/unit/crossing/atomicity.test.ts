import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import type { EvmBlockResult } from '../../../evm/index.ts'
import { engineAccount } from '../../../evm/precompiles.ts'
import { SYSTEM } from '../../support/crossing/coreWorld.ts'
import { createFakeCore, type FakeCore } from '../../support/crossing/fakeCore.ts'
import { createScripts, type Scripts, TOP_GAS } from '../../support/crossing/script.ts'
import { block, SCRIPTS, SLOTS } from '../../support/crossing/scriptArbitraries.ts'
import {
  balanceOf,
  createModel,
  type Model,
  runTransaction,
} from '../../support/crossing/scriptModel.ts'
import {
  account,
  COIN,
  createWorld,
  funded,
  keyNumber,
  signTransaction,
  type World,
} from '../../support/evmWorld.ts'

const ALICE = keyNumber(1)
describe('EVM frames and engines', () => {
  let scripts: Scripts
  beforeAll(async () => {
    scripts = await createScripts(fromHex(SCRIPTS[0] as string))
  }, 60_000)

  async function start(): Promise<{ world: World; core: FakeCore; model: Model }> {
    const held = 10n * COIN
    const world = await createWorld(
      [
        ...funded([ALICE], 10_000n * COIN),
        ...SCRIPTS.map((address) =>
          account(fromHex(address), { balance: held, nonce: 1, code: scripts.runtime }),
        ),
        ...[0, 1, 2].map(engineAccount),
      ],
      { gasLimit: 4_000_000_000, baseFeePerGas: 1n, execution: 'shadow' },
    )
    const model = createModel([
      [toHex(ALICE.address), 10_000n * COIN],
      ...SCRIPTS.map((address) => [address, held] as const),
    ])
    return { world, core: createFakeCore(), model }
  }

  it('leaves exactly the effects of the frames that stand, on both sides', async () => {
    let reverted = 0
    let stood = 0
    let system = 0
    await fc.assert(
      fc.asyncProperty(fc.array(block, { minLength: 1, maxLength: 2 }), async (blocks) => {
        const { world, core, model } = await start()
        let nonce = 0
        for (const transactions of blocks) {
          const before = { destroyed: model.destroyed, deposited: core.deposited() }
          const logs = model.logs.length
          const systemTransactions = transactions
            .filter(({ isSystem }) => isSystem)
            .map(({ to, value, steps }, i) => ({
              nonce: i + 1,
              from: SYSTEM,
              to: fromHex(to),
              mint: value,
              gasLimit: TOP_GAS,
              data: scripts.dataOf(steps),
            }))
          const own = transactions.filter(({ isSystem }) => !isSystem)
          const signed = own.map((each) =>
            signTransaction(
              {
                nonce: nonce++,
                to: fromHex(each.to),
                value: each.value,
                data: scripts.dataOf(each.steps),
                gasLimit: TOP_GAS,
                maxFeePerGas: 1_000n,
                maxPriorityFeePerGas: 0n,
              },
              ALICE,
            ),
          )
          const result = await world.block(signed, {
            core: { port: core, systemTransactions, afterSystem: async () => {} },
          })
          let minted = 0n
          const outcomes = transactions.map(({ to, value, steps, isSystem }) => {
            const from = toHex(isSystem ? SYSTEM : ALICE.address)
            if (isSystem) model.balances.set(from, value)
            const good = runTransaction(model, { from, to, value }, steps)
            if (isSystem) model.balances.set(from, 0n)
            if (isSystem && good) minted += value
            if (isSystem) system += good ? 1 : 0
            return good
          })
          reverted += outcomes.filter((good) => !good).length
          stood += outcomes.filter((good) => good).length
          const receipts = result.executed.transactions.map(({ receipt }) => receipt)
          expect(receipts.map(({ status }) => status === 1)).toEqual(outcomes)
          expect(shownLogs(result)).toEqual(model.logs.slice(logs))
          expect(new Map([...core.counters].sort())).toEqual(new Map([...model.counters].sort()))
          compareState(world, model)
          const deposited = core.deposited() - before.deposited
          expect(result.burnedWei).toBe(result.fees.burned + model.destroyed - before.destroyed)
          expect(result.nativeDelta).toBe(minted - result.burnedWei - deposited)
        }
      }),
      { numRuns: Number(process.env.NEXUS_FUZZ_RUNS ?? 120) },
    )
    // A generator that only made failures, or none, would show nothing.
    expect(reverted).toBeGreaterThan(5)
    expect(stood).toBeGreaterThan(5)
    expect(system).toBeGreaterThan(5)
  }, 600_000)

  function compareState(world: World, model: Model): void {
    for (const address of SCRIPTS) {
      expect(world.balance(fromHex(address)), address).toBe(balanceOf(model, address))
      for (let slot = 0; slot < SLOTS; slot++) {
        const expected = BigInt(model.storage.get(`${address}:${slot}`) ?? 0)
        expect(world.slot(fromHex(address), slot), `${address} ${slot}`).toBe(expected)
      }
    }
    for (const [address, held] of model.balances) {
      if (address !== toHex(ALICE.address)) expect(world.balance(fromHex(address))).toBe(held)
    }
    for (const engine of [0, 1, 2]) {
      expect(world.balance(engineAccount(engine).address)).toBe(0n)
    }
  }
})

const shownLogs = ({ executed }: EvmBlockResult) =>
  executed.transactions
    .flatMap(({ receipt }) => receipt.logs)
    .map(({ address, topics, data }) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
    }))
