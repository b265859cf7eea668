import { verifyMerkleProof } from '@ethereumjs/mpt'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { encodeAccount } from '../../../evm/account.ts'
import { getProof } from '../../../evm/index.ts'
import { encodeRlp } from '../../../evm/rlp.ts'
import { account, createWorld, funded, keyNumber, word } from '../../support/evmWorld.ts'

const CONTRACT = fromHex('00000000000000000000000000000000c0de0001')
const keys = Array.from({ length: 50 }, (_, i) => keyNumber(i))

const proved = (key: Uint8Array, proof: readonly Uint8Array[]): Promise<Uint8Array | null> =>
  verifyMerkleProof(key, [...proof], { useKeyHashing: true })

describe('a proof', () => {
  it('proves accounts and slots, there and not there, to ethereumjs', async () => {
    const storage = Array.from({ length: 40 }, (_, i) => ({ slot: word(i), value: word(i + 1) }))
    const world = await createWorld([...funded(keys), account(CONTRACT, { nonce: 1, storage })])
    for (const address of [...keys.map((key) => key.address), CONTRACT]) {
      const { account: found, accountProof } = getProof(world.store, address, [])
      expect(toHex(keccak256(accountProof[0] as Uint8Array))).toBe(toHex(world.head.stateRoot))
      expect(await proved(address, accountProof)).toEqual(encodeAccount(found))
    }
    const stranger = new Uint8Array(20).fill(1)
    const absent = getProof(world.store, stranger, [word(1)])
    expect(await proved(stranger, absent.accountProof)).toBeNull()
    expect(absent.storageProof).toEqual([{ slot: word(1), value: new Uint8Array(0), proof: [] }])

    const slots = [word(0), word(39), word(40)]
    const { account: contract, storageProof } = getProof(world.store, CONTRACT, slots)
    const values = await Promise.all(storageProof.map(({ slot, proof }) => proved(slot, proof)))
    expect(values).toEqual([encodeRlp(Uint8Array.of(1)), encodeRlp(Uint8Array.of(40)), null])
    for (const { proof } of storageProof) {
      expect(toHex(keccak256(proof[0] as Uint8Array))).toBe(toHex(contract.storageRoot))
    }
  })
})
