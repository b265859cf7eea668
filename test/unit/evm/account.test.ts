import fc from 'fast-check'
import { expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import {
  type Account,
  decodeAccount,
  EMPTY_CODE_HASH,
  EMPTY_TRIE_ROOT,
  encodeAccount,
} from '../../../evm/account.ts'
import { encodeRlp, quantityBytes } from '../../../evm/rlp.ts'
import { AccountCache } from '../../../evm/state/accountCache.ts'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
const edges = [6, 7, 8, 47, 48, 49, 95, 96, 97, 255].flatMap((bits) => [
  (1n << BigInt(bits)) - 1n,
  1n << BigInt(bits),
])
const accounts: fc.Arbitrary<Account> = fc.record({
  nonce: fc.oneof(
    fc.constantFrom(0, 1, 127, 128, 255, 256, 2 ** 32, Number.MAX_SAFE_INTEGER),
    fc.maxSafeNat(),
  ),
  balance: fc.oneof(
    fc.constantFrom(0n, ...edges),
    fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }),
    fc.bigInt({ min: 0n, max: (1n << 100n) - 1n }),
  ),
  storageRoot: fc.oneof(fc.constant(EMPTY_TRIE_ROOT), hash),
  codeHash: fc.oneof(fc.constant(EMPTY_CODE_HASH), hash),
})

it('an account is encoded as RLP, and comes back from its encoding and from the cache', () => {
  const address = new Uint8Array(20).fill(9)
  const cache = new AccountCache(0)
  fc.assert(
    fc.property(accounts, (account) => {
      const { nonce, balance, storageRoot, codeHash } = account
      const bytes = encodeAccount(account)
      const rlp = encodeRlp([quantityBytes(nonce), quantityBytes(balance), storageRoot, codeHash])
      expect(toHex(bytes)).toBe(toHex(rlp))
      expect(decodeAccount(bytes)).toEqual(account)
      cache.set(address, bytes)
      const cached = cache.get(address)
      expect(cached?.account).toEqual(account)
      expect(toHex(cached?.bytes as Uint8Array)).toBe(toHex(rlp))
    }),
    { numRuns: 2_000 },
  )
})

it('an account that is known to be absent is not one that is not known', () => {
  const cache = new AccountCache(0)
  const address = new Uint8Array(20).fill(1)
  expect(cache.get(address)).toBeUndefined()
  cache.set(address, null)
  expect(cache.get(address)).toEqual({ account: null, bytes: null })
})
