import { describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { COIN, createWorld, funded, GWEI, keyNumber, PROPOSER, signTransaction } from '../../support/evmWorld.ts'

const [alice, bob] = [keyNumber(1), keyNumber(2)]

describe('a block', () => {
  it('moves value and pays', async () => {
    const world = await createWorld(funded([alice]))
    const bytes = signTransaction({ nonce: 0, to: bob.address, value: COIN }, alice)
    const { executed } = await world.block([bytes])
    expect(executed.skipped).toEqual([])
    expect(world.balance(bob.address)).toBe(COIN)
    expect(world.balance(PROPOSER)).toBe(21_000n * GWEI)
    expect(world.balance(alice.address)).toBe(999n * COIN - 21_000n * 2n * GWEI)
    expect(toHex(executed.header.stateRoot)).not.toBe('')
  })
})
