import { describe, expect, it } from 'vitest'
import { fromHex } from '../../../core/primitives/bytes.ts'
import { isNexusError } from '../../../core/primitives/errors.ts'
import { type Body, runBody } from '../../../evm/blockBody.ts'
import { BLOB_BASE_FEE } from '../../../evm/blockEnvironment.ts'
import { enter } from '../../../evm/engine.ts'
import { checkShadow } from '../../../evm/shadow.ts'
import { CommittedState } from '../../../evm/state/committedState.ts'
import { FlatState } from '../../../evm/state/flatState.ts'
import { decodeTransaction } from '../../../evm/transaction.ts'
import type { BlockContext } from '../../../evm/transition.ts'
import { createExecutive } from '../../support/evm/executives.ts'
import {
  account,
  CHAIN_ID,
  createWorld,
  funded,
  keyNumber,
  PROPOSER,
  signTransaction,
  TREASURY,
  word,
} from '../../support/evmWorld.ts'

const ALICE = keyNumber(1)
const COUNTER = fromHex('c0'.repeat(20))
const CACHES = { accountBytes: 0, slotBytes: 0, cachedCodes: 100 }

/** sstore(0, sload(0) + 1); log1(0, 32, 7) */
const CODE = fromHex('60005460010160005560076000526007602060 00a100'.replaceAll(' ', ''))

const contextOf = (): BlockContext => ({
  environment: {
    number: 1,
    timestamp: 1_700_000_000,
    coinbase: PROPOSER,
    prevRandao: word(1),
    gasLimit: 30_000_000,
    baseFeePerGas: 1n,
    blobBaseFee: BLOB_BASE_FEE,
  },
  fees: {
    baseFeeRecipient: 'burn',
    tipRecipient: 'proposer',
    treasury: TREASURY,
    proposer: PROPOSER,
  },
  totals: { burned: 0n, treasury: 0n, proposer: 0n },
})

/** One call of the counter on nexus, changed by `change`, and then on the shadow. */
async function shadowed(change: (body: Body, flat: FlatState, context: BlockContext) => void) {
  const { store } = await createWorld([...funded([ALICE]), account(COUNTER, { code: CODE })])
  const committed = new CommittedState(store, CACHES)
  const bytes = signTransaction({ nonce: 0, to: COUNTER, gasLimit: 100_000 }, ALICE)
  const rules = { chainId: CHAIN_ID, blockGasLimit: 30_000_000 }
  const decoded = [{ hash: word(1), result: decodeTransaction(bytes, rules) }]
  const nexus = await createExecutive('nexus', 'prague')
  const flat = new FlatState(committed)
  enter(nexus, flat)
  const context = contextOf()
  const body = await runBody(nexus, context, decoded, undefined)
  expect(body.transactions[0]?.receipt.status).toBe(1)
  change(body, flat, context)
  const shadow = await createExecutive('reference', 'prague')
  await checkShadow(shadow, new FlatState(committed), contextOf(), {
    expected: { body, context, flat, record: null },
    decoded,
    core: undefined,
    ancestorHash: () => null,
  })
}

/** What was found to be different. */
async function divergenceOf(change: Parameters<typeof shadowed>[0]): Promise<unknown> {
  try {
    await shadowed(change)
    return null
  } catch (error) {
    if (!isNexusError(error, 'EVM_DIVERGED')) throw error
    return (error.detail as { readonly what?: string }).what
  }
}

describe('shadow execution', () => {
  it('agrees when nothing is different', async () => {
    expect(await divergenceOf(() => {})).toBeNull()
  })

  it('halts on a difference in gas, in logs, in a slot, in a balance, in fees and in coins', async () => {
    const gas = await divergenceOf((body) => {
      const [transaction] = body.transactions
      if (transaction === undefined) throw new Error('there is one')
      const receipt = { ...transaction.receipt, gasUsed: transaction.receipt.gasUsed + 1 }
      body.transactions[0] = { ...transaction, receipt }
    })
    expect(gas).toBe('receipt')
    const logs = await divergenceOf((body) => {
      const [transaction] = body.transactions
      if (transaction === undefined) throw new Error('there is one')
      body.transactions[0] = { ...transaction, receipt: { ...transaction.receipt, logs: [] } }
    })
    expect(logs).toBe('receipt')
    const slot = await divergenceOf((_, flat) => flat.setSlot(COUNTER, word(0), Uint8Array.of(9)))
    expect(slot).toBe(`state of 0x${'c0'.repeat(20)}`)
    const balance = await divergenceOf((_, flat) => flat.credit(TREASURY, 1n))
    expect(balance).toMatch(/^state of/)
    const fees = await divergenceOf((_, __, { totals }) => {
      totals.burned += 1n
    })
    expect(fees).toBe('fees')
    expect(await divergenceOf((_, flat) => flat.noteDestroyed(1n))).toBe('destroyed wei')
    const missing = await divergenceOf((body) => void body.transactions.pop())
    expect(missing).toBe('receipt')
  })
})
