import fc from 'fast-check'
import { type Hex, parseGwei, serializeTransaction, type TransactionSerializable } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { decodeTransaction } from '../../../evm/index.ts'
import { decodeRlp, encodeRlp, quantityBytes, type RlpItem } from '../../../evm/rlp.ts'
import {
  authorization,
  CHAIN_ID,
  keyNumber,
  signTransaction,
  type UnsignedTransaction,
} from '../../support/evmWorld.ts'

const RULES = { chainId: CHAIN_ID, blockGasLimit: 30_000_000 }
const alice = keyNumber(1)
const bob = keyNumber(2)
const wallet = privateKeyToAccount(`0x${toHex(alice.privateKey)}`)
const recipient: Hex = `0x${toHex(bob.address)}`

const codeOf = (bytes: Uint8Array): string => {
  const decoded = decodeTransaction(bytes, RULES)
  return decoded.ok ? 'OK' : decoded.code
}
const signed = (part: Partial<UnsignedTransaction> = {}): Uint8Array =>
  signTransaction({ nonce: 0, to: bob.address, ...part }, alice)

describe('a transaction of every type as viem signs it', () => {
  const shared = { chainId: CHAIN_ID, nonce: 7, gas: 90_000n, to: recipient, value: 5n } as const
  const data = '0x00ff00' as const
  const accessList = [{ address: recipient, storageKeys: [`0x${'11'.repeat(32)}` as const] }]
  const fees = { maxFeePerGas: parseGwei('30'), maxPriorityFeePerGas: parseGwei('2') }
  const cases: readonly (readonly [number, TransactionSerializable])[] = [
    [0, { ...shared, type: 'legacy', gasPrice: parseGwei('30'), data }],
    [1, { ...shared, type: 'eip2930', gasPrice: parseGwei('30'), data, accessList }],
    [2, { ...shared, type: 'eip1559', ...fees, data, accessList }],
  ]
  it.each(cases)('reads type %i', async (type, transaction) => {
    const bytes = fromHex(await wallet.signTransaction(transaction))
    const decoded = decodeTransaction(bytes, RULES)
    if (!decoded.ok) throw new Error(decoded.code)
    expect(decoded.value).toMatchObject({
      type,
      nonce: 7,
      gasLimit: 90_000,
      value: 5n,
      to: bob.address,
      data: fromHex(data),
      sender: alice.address,
      hash: keccak256(bytes),
      maxFeePerGas: parseGwei('30'),
      maxPriorityFeePerGas: type === 2 ? parseGwei('2') : parseGwei('30'),
      size: bytes.length,
    })
    expect(decoded.value.accessList.length).toBe(type === 0 ? 0 : 1)
  })

  it('reads type 4', async () => {
    const signedAuthorization = await wallet.signAuthorization({
      contractAddress: recipient,
      chainId: CHAIN_ID,
      nonce: 3,
    })
    const bytes = fromHex(
      await wallet.signTransaction({
        ...shared,
        type: 'eip7702',
        ...fees,
        authorizationList: [signedAuthorization],
      }),
    )
    const decoded = decodeTransaction(bytes, RULES)
    expect(decoded).toMatchObject({ ok: true, value: { type: 4, sender: alice.address } })
    if (decoded.ok) expect(decoded.value.authorizations[0]).toMatchObject({ nonce: 3n })
  })

  it('does not recover a sender that is known', () => {
    const stranger = new Uint8Array(20).fill(9)
    const decoded = decodeTransaction(signed(), RULES, { sender: stranger, hash: null })
    expect(decoded).toMatchObject({ ok: true, value: { sender: stranger } })
  })

  it('recovers the signer for any chain id', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fc.boolean(), (chainId, legacy) => {
        const bytes = signed({ chainId, type: legacy ? 0 : 2 })
        const decoded = decodeTransaction(bytes, { ...RULES, chainId })
        expect(decoded).toMatchObject({ ok: true, value: { sender: alice.address } })
      }),
      { numRuns: 50 },
    )
  })
})

describe('a transaction that is refused', () => {
  const unprotected = async (): Promise<Uint8Array> => {
    const digest = { type: 'legacy', nonce: 0, gas: 21_000n, gasPrice: 1n, to: recipient } as const
    const signature = await wallet.sign({
      hash: `0x${toHex(keccak256(fromHex(serializeTransaction(digest))))}`,
    })
    const v = BigInt(`0x${signature.slice(130)}`)
    return fromHex(
      serializeTransaction(digest, {
        r: signature.slice(0, 66) as Hex,
        s: `0x${signature.slice(66, 130)}`,
        v,
      }),
    )
  }
  const items = (bytes: Uint8Array): RlpItem[] => {
    const decoded = decodeRlp(bytes.subarray(1))
    if (!decoded.ok || decoded.value instanceof Uint8Array) throw new Error('a list')
    return [...decoded.value]
  }
  const withItem = (at: number, item: RlpItem): Uint8Array => {
    const list = items(signed())
    list[at] = item
    return Uint8Array.of(2, ...encodeRlp(list))
  }
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const highS = (): Uint8Array => {
    const list = items(signed())
    const s = order - BigInt(`0x${toHex(list[11] as Uint8Array)}`)
    list[9] = (list[9] as Uint8Array).length === 0 ? Uint8Array.of(1) : new Uint8Array(0)
    list[11] = fromHex(s.toString(16).padStart(64, '0'))
    return Uint8Array.of(2, ...encodeRlp(list))
  }

  it('is refused with a code of its own', async () => {
    const initcode = new Uint8Array(49_153)
    const table: readonly (readonly [string, Uint8Array])[] = [
      ['OK', signed()],
      ['OK', signed({ gasLimit: 30_000_000 })],
      ['BAD_RLP', new Uint8Array(0)],
      ['BAD_RLP', signed().subarray(0, 60)],
      ['BAD_RLP', Uint8Array.of(...signed(), 0)],
      ['BAD_RLP', Uint8Array.of(2, ...encodeRlp(items(signed()).slice(1)))],
      ['BAD_RLP', Uint8Array.of(2, 0x80)],
      ['BAD_FIELD', withItem(1, Uint8Array.of(0))],
      ['BAD_FIELD', withItem(5, new Uint8Array(19))],
      ['BAD_FIELD', withItem(6, new Uint8Array(33).fill(1))],
      ['BAD_FIELD', withItem(8, Uint8Array.of(1))],
      ['UNKNOWN_TRANSACTION_TYPE', Uint8Array.of(5, ...signed().subarray(1))],
      ['UNKNOWN_TRANSACTION_TYPE', Uint8Array.of(0x7f, 0xc0)],
      ['BLOB_TRANSACTIONS_UNSUPPORTED', Uint8Array.of(3, 0xc0)],
      ['UNPROTECTED_TRANSACTION', await unprotected()],
      ['WRONG_CHAIN_ID', signed({ chainId: 1 })],
      ['WRONG_CHAIN_ID', signed({ chainId: 1, type: 0 })],
      ['BAD_SIGNATURE', withItem(9, Uint8Array.of(2))],
      ['BAD_SIGNATURE', withItem(10, new Uint8Array(0))],
      ['BAD_SIGNATURE', highS()],
      ['NONCE_OVERFLOW', signed({ nonce: 2n ** 64n - 1n })],
      ['BAD_FIELD', signed({ nonce: 2n ** 64n })],
      ['GAS_LIMIT_TOO_HIGH', signed({ gasLimit: 30_000_001 })],
      ['GAS_LIMIT_TOO_HIGH', signed({ gasLimit: 2n ** 63n })],
      ['INTRINSIC_GAS_TOO_LOW', signed({ gasLimit: 20_999 })],
      ['TIP_ABOVE_FEE_CAP', signed({ maxFeePerGas: 1n, maxPriorityFeePerGas: 2n })],
      ['INITCODE_TOO_LARGE', signed({ to: null, data: initcode, gasLimit: 20_000_000 })],
      ['MISSING_RECIPIENT', signed({ type: 4, to: null, gasLimit: 900_000 })],
      ['EMPTY_AUTHORIZATION_LIST', signed({ type: 4, gasLimit: 900_000 })],
      ['TRANSACTION_TOO_LARGE', signed({ data: new Uint8Array(LIMITS.transactionBytes) })],
    ]
    expect(table.map(([, bytes]) => codeOf(bytes))).toEqual(table.map(([code]) => code))
  })

  it.each([
    ['calldata above the floor', { data: Uint8Array.of(0, 1) }, 21_000 + 5 * 10],
    ['a creation', { to: null, data: Uint8Array.of(0, 1) }, 53_000 + 5 * 4 + 2],
    [
      'an access list',
      { accessList: [[bob.address, [new Uint8Array(32), new Uint8Array(32)]]] },
      21_000 + 2_400 + 2 * 1_900,
    ],
    [
      'an authorization',
      { type: 4 as const, authorizations: [authorization(alice, bob.address, 0)] },
      21_000 + 25_000,
    ],
  ])('pays in advance for %s', (_, part, gas) => {
    expect(codeOf(signed({ ...part, gasLimit: gas }))).toBe('OK')
    expect(codeOf(signed({ ...part, gasLimit: gas - 1 }))).toBe('INTRINSIC_GAS_TOO_LOW')
  })

  it('never decodes a changed byte to the same transaction, and never throws', () => {
    const bytes = signed({ data: Uint8Array.of(1, 2, 3) })
    fc.assert(
      fc.property(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = bytes.slice()
        changed[at] = (changed[at] as number) ^ by
        const decoded = decodeTransaction(changed, RULES)
        // A signature over other fields recovers somebody else, never the signer.
        if (decoded.ok) expect(toHex(decoded.value.sender)).not.toBe(toHex(alice.address))
      }),
      { numRuns: 300 },
    )
  })

  it('takes any bytes without throwing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof codeOf(bytes)).toBe('string')
      }),
    )
    const nested = new Uint8Array(100_000).fill(0xc1)
    expect(codeOf(nested)).toBe('BAD_RLP')
  })
})

describe('a stand-in for a signature', () => {
  const DEVNET = { ...RULES, impersonates: true }
  const contract = fromHex('00000000000000000000000000000000000c0de1')
  /** The signature's three fields replaced. */
  function withSignature(bytes: Uint8Array, ...[v, r, s]: (number | bigint | Uint8Array)[]) {
    const isTyped = (bytes[0] as number) < 0x80
    const decoded = decodeRlp(isTyped ? bytes.subarray(1) : bytes)
    if (!decoded.ok) throw new Error('a signed transaction decodes')
    const fields = (decoded.value as RlpItem[]).slice(0, -3)
    const item = (value: number | bigint | Uint8Array | undefined): Uint8Array =>
      value instanceof Uint8Array ? value : quantityBytes(value ?? 0)
    const encoded = encodeRlp([...fields, item(v), item(r), item(s)])
    return isTyped ? fromHex(toHex(bytes.subarray(0, 1)) + toHex(encoded)) : encoded
  }
  const trimmed = contract.subarray(17)
  const parts = { accessList: [], authorizations: [authorization(bob, contract, 0)] }

  it.each([0, 1, 2, 4] as const)('names the sender of type %i on a development network', (type) => {
    const v = type === 0 ? 35 + 2 * CHAIN_ID : 0
    const bytes = withSignature(signed({ type, gasLimit: 90_000, ...parts }), v, trimmed, 0)
    const decoded = decodeTransaction(bytes, DEVNET)
    if (!decoded.ok) throw new Error(decoded.code)
    expect(decoded.value).toMatchObject({ sender: contract, isImpersonated: true, type })
    expect(decodeTransaction(bytes, RULES)).toEqual({ ok: false, code: 'BAD_SIGNATURE' })
  })

  it.each([
    ['a parity', 1, trimmed, 0],
    ['an s', 0, trimmed, 1],
    ['nobody', 0, 0, 0],
    ['a number that is no address', 0, 1n << 160n, 0],
  ] as const)('has not %s', (_, v, r, s) => {
    const bytes = withSignature(signed(), v, r, s)
    expect(decodeTransaction(bytes, DEVNET)).toEqual({ ok: false, code: 'BAD_SIGNATURE' })
  })

  it('takes nothing from those who sign', () => {
    const decoded = decodeTransaction(signed(), DEVNET)
    if (!decoded.ok) throw new Error(decoded.code)
    expect(decoded.value).toMatchObject({ sender: alice.address, isImpersonated: false })
  })

  it('is no way around a wrong chain, nor is any signature of ECDSA one', () => {
    const bytes = withSignature(signed({ chainId: 1 }), 0, trimmed, 0)
    expect(decodeTransaction(bytes, DEVNET)).toEqual({ ok: false, code: 'WRONG_CHAIN_ID' })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), (nonce) => {
        const decoded = decodeTransaction(signed({ nonce }), DEVNET)
        expect(decoded.ok && decoded.value.isImpersonated).toBe(false)
      }),
      { numRuns: 20 },
    )
  })
})
