import { MerkleStateManager } from '@ethereumjs/statemanager'
import { createAccount, createAddressFromString } from '@ethereumjs/util'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { createGenesisState } from '../../../evm/index.ts'
import { account, COIN, keyNumber, word } from '../../support/evmWorld.ts'

const HEADER = { timestampMs: 1_700_000_000_999, gasLimit: 30_000_000, baseFeePerGas: 10n ** 9n }
const code = fromHex('60015460005260206000f3')

describe('genesis', () => {
  it('has the state root that ethereumjs computes for the same accounts', async () => {
    const alloc = [
      ...Array.from({ length: 30 }, (_, i) =>
        account(keyNumber(i).address, { balance: BigInt(i) * COIN + 1n, nonce: i % 3 }),
      ),
      account(keyNumber(100).address, {
        nonce: 1,
        code,
        storage: Array.from({ length: 20 }, (_, i) => ({ slot: word(i), value: word(i * i + 1) })),
      }),
    ]
    const twin = new MerkleStateManager()
    for (const { address, balance, nonce, code: bytes, storage } of alloc) {
      const owner = createAddressFromString(`0x${toHex(address)}`)
      await twin.putAccount(owner, createAccount({ balance, nonce: BigInt(nonce) }))
      if (bytes.length > 0) await twin.putCode(owner, bytes)
      for (const { slot, value } of storage) {
        await twin.putStorage(owner, slot, value.subarray(value.findIndex((byte) => byte !== 0)))
      }
    }
    const { header } = createGenesisState(alloc, HEADER)
    expect(toHex(header.stateRoot)).toBe(toHex(await twin.getStateRoot()))
    expect(header).toMatchObject({ number: 0, timestamp: 1_700_000_000, gasUsed: 0 })
  })

  it('does not depend on the order of its accounts', () => {
    const alloc = Array.from({ length: 30 }, (_, i) =>
      account(keyNumber(i).address, { balance: BigInt(i + 1) }),
    )
    const roots = [alloc, alloc.toReversed()].map((list) => createGenesisState(list, HEADER))
    expect(toHex(roots[0]?.header.hash as Uint8Array)).toBe(
      toHex(roots[1]?.header.hash as Uint8Array),
    )
  })

  it.each([
    [
      'GENESIS_SUPPLY',
      [
        account(keyNumber(1).address, { balance: 2n ** 255n }),
        account(keyNumber(2).address, { balance: 2n ** 255n }),
      ],
    ],
    [
      'GENESIS_ACCOUNT',
      [account(keyNumber(1).address, { storage: [{ slot: word(1), value: word(1) }] })],
    ],
  ])('refuses %s', (code, alloc) => {
    expect(() => createGenesisState(alloc, HEADER)).toThrow(code)
  })
})
