import { getOpcodesForHF, paramsEVM } from '@ethereumjs/evm'
import { describe, expect, it } from 'vitest'
import { createEvmMachine } from '../../../evm/index.ts'
import { createCommon } from '../../../evm/interpreter/common.ts'
import { forkOf, STACK_LIMIT } from '../../../evm/vm/fork.ts'
import {
  CHAIN_ID,
  createWorld,
  funded,
  keyNumber,
  signTransaction,
} from '../../support/evmWorld.ts'

const LOG_TOPIC_GAS = 375
const topicsOf = (code: number): number => (code >= 0xa0 && code <= 0xa4 ? code - 0xa0 : 0)

describe.each(['cancun', 'prague', 'osaka'] as const)('the opcodes of %s', (hardfork) => {
  const common = createCommon(CHAIN_ID, hardfork)
  common.updateParams(paramsEVM)
  const fork = forkOf(hardfork)
  const { opcodes } = getOpcodesForHF(common)

  it('are those of the library, each with its fee', () => {
    const ours = new Map(fork.opcodes.map(({ code }) => [code, fork.fees[code]]))
    // The library counts topics with the dynamic part, and has no name for INVALID.
    const theirs = [...opcodes].map(
      ([code, { fee }]) => [code, fee + LOG_TOPIC_GAS * topicsOf(code)] as const,
    )
    expect([...ours].sort(([a], [b]) => a - b)).toEqual(theirs.sort(([a], [b]) => a - b))
  })

  it('ask of the stack what they take, and room for what they leave', () => {
    for (const { code, takes, leaves } of fork.opcodes) {
      expect(fork.least[code]).toBe(takes)
      expect((fork.most[code] as number) + leaves - takes).toBeLessThanOrEqual(STACK_LIMIT)
    }
  })
})

describe('EIP-7825', () => {
  it('skips a transaction with more gas than Osaka allows, and Prague runs it', async () => {
    const alice = keyNumber(1)
    const bytes = signTransaction({ nonce: 0, to: alice.address, gasLimit: 2 ** 24 + 1 }, alice)
    for (const hardfork of ['prague', 'osaka'] as const) {
      const world = await createWorld(funded([alice]))
      const machine = await createEvmMachine({
        store: world.store,
        chainId: CHAIN_ID,
        hardfork,
        now: () => 0,
      })
      const { executed } = await machine.execute(world.input([bytes]))
      const codes = executed.skipped.map(({ code }) => code)
      expect(codes).toEqual(hardfork === 'osaka' ? ['GAS_LIMIT_TOO_HIGH'] : [])
    }
  })
})
