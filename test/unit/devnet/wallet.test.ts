// What the node signs for the test accounts, against viem with the same keys.
import {
  keccak256,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerialized,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { decodeTransaction } from '../../../evm/index.ts'
import { defaultEvmParams, fundedAccount, type Genesis } from '../../../genesis/index.ts'
import { loadNodeConfig } from '../../../node/config.ts'
import { testAccounts } from '../../../node/devnet/chainHomes.ts'
import {
  assertDevnetAllowed,
  FAUCET_BALANCE,
  faucetAccount,
  isDevnetGenesis,
  unlockedAccounts,
} from '../../../node/devnet/faucet.ts'
import { DevnetWallet } from '../../../node/devnet/wallet.ts'
import type { UnsignedTransaction } from '../../../rpc/index.ts'
import { typedDataDigest } from '../../../rpc/typedDataDigest.ts'

const CHAIN_ID = 3940
const accounts = testAccounts(2)
const wallet = new DevnetWallet(CHAIN_ID, accounts, faucetAccount())
const [first, second] = accounts as [(typeof accounts)[0], (typeof accounts)[0]]
const viemAccount = privateKeyToAccount(`0x${toHex(first.privateKey)}`)

const base: UnsignedTransaction = {
  ...{ type: 2, nonce: 0, gas: 100_000n, maxFeePerGas: 10n ** 9n, maxPriorityFeePerGas: 5n },
  to: second.address,
  value: 10n ** 18n,
  data: Uint8Array.of(0, 1, 2),
  accessList: [{ address: second.address, storageKeys: [new Uint8Array(32).fill(7)] }],
  authorizations: [],
}

describe('a transaction', () => {
  it.each([0, 1, 2, 4] as const)(
    'of type %i is what viem reads, and passes the decoder',
    async (type) => {
      const signature = await viemAccount.signAuthorization({
        ...{ chainId: CHAIN_ID, nonce: 3 },
        address: `0x${toHex(second.address)}`,
      })
      const authorization = {
        ...{ chainId: BigInt(CHAIN_ID), address: second.address, nonce: 3n },
        yParity: BigInt(signature.yParity ?? 0),
        r: fromHex(signature.r.slice(2)),
        s: fromHex(signature.s.slice(2)),
      }
      const raw = wallet.signTransaction(first.address, {
        ...base,
        type,
        maxPriorityFeePerGas: type < 2 ? base.maxFeePerGas : 5n,
        accessList: type === 0 ? [] : base.accessList,
        authorizations: type === 4 ? [authorization] : [],
      })
      expect(raw).not.toBeNull()
      const serialized = `0x${toHex(raw as Uint8Array)}` as TransactionSerialized
      expect(parseTransaction(serialized)).toMatchObject({
        ...{ chainId: CHAIN_ID, gas: 100_000n, value: 10n ** 18n, data: '0x000102' },
      })
      expect(await recoverTransactionAddress({ serializedTransaction: serialized })).toBe(
        viemAccount.address,
      )
      const rules = { chainId: CHAIN_ID, blockGasLimit: 30_000_000 }
      const decoded = decodeTransaction(raw as Uint8Array, rules)
      expect(decoded).toMatchObject({ ok: true, value: { type, sender: first.address } })
    },
  )

  it('of an account that is not its own is not signed', () => {
    expect(wallet.signTransaction(new Uint8Array(20), base)).toBeNull()
    expect(wallet.signDigest(new Uint8Array(20), new Uint8Array(32))).toBeNull()
    expect(wallet.signDigest(faucetAccount().address, new Uint8Array(32))).toBeNull()
    expect(wallet.signTransaction(faucetAccount().address, base)).not.toBeNull()
  })
})

describe('typed data', () => {
  const person = [
    { name: 'name', type: 'string' },
    { name: 'wallets', type: 'address[]' },
  ]
  const typed = {
    domain: {
      ...{ name: 'Ether Mail', version: '1', chainId: CHAIN_ID },
      verifyingContract: `0x${toHex(second.address)}`,
    },
    types: {
      Person: person,
      Mail: [
        { name: 'from', type: 'Person' },
        { name: 'to', type: 'Person[2]' },
        { name: 'note', type: 'bytes' },
        { name: 'tag', type: 'bytes4' },
        { name: 'delta', type: 'int16' },
        { name: 'amounts', type: 'uint256[][]' },
        { name: 'urgent', type: 'bool' },
      ],
    },
    primaryType: 'Mail',
    message: {
      from: { name: 'Cow', wallets: [viemAccount.address] },
      to: [
        { name: 'Bob', wallets: [] },
        { name: 'Eve', wallets: [viemAccount.address, viemAccount.address] },
      ],
      ...{ note: '0x1234', tag: '0x01020304', delta: -5, urgent: true },
      amounts: [['1', '0x2'], []],
    },
  }

  it('has the digest that viem signs', async () => {
    const digest = typedDataDigest(JSON.stringify(typed))
    if (!digest.ok) throw new Error(digest.problem)
    const own = wallet.signDigest(first.address, digest.value) as Uint8Array
    const message = { ...typed.message, amounts: [[1n, 2n], []] }
    expect(`0x${toHex(own)}`).toBe(await viemAccount.signTypedData({ ...typed, message } as never))
    expect(keccak256(digest.value)).toMatch(/^0x/)
  })

  it.each([
    ['no object', 7, /object/],
    ['no types', { ...typed, types: 5 }, /types/],
    ['an unknown type', { ...typed, primaryType: 'Letter' }, /no type Letter/],
    ['a number too large', withMessage({ delta: 40_000 }), /int16/],
    ['a fraction', withMessage({ delta: 1.5 }), /integer/],
    ['a short list', withMessage({ to: [] }), /Person\[2\]/],
    ['wrong bytes', withMessage({ tag: '0x0102' }), /4 bytes/],
    ['a number as text', withMessage({ from: { name: 5, wallets: [] } }), /string/],
    [
      'a type nobody has',
      { ...typed, types: { ...typed.types, Mail: [{ name: 'delta', type: 'uint257' }] } },
      /uint257/,
    ],
  ])('is refused with %s', (_, json, words) => {
    const digest = typedDataDigest(json)
    expect(digest.ok ? '' : digest.problem).toMatch(words)
  })

  function withMessage(part: object): unknown {
    return { ...typed, message: { ...typed.message, ...part } }
  }
})

describe('where the methods are allowed', () => {
  const genesisWith = (
    balances: readonly (readonly [Uint8Array, bigint])[],
    faucet: Uint8Array = new Uint8Array(20),
  ): Genesis =>
    ({
      chainId: 1,
      evm: { ...defaultEvmParams, faucet },
      accounts: balances.map(([address, balance]) => fundedAccount(address, balance)),
    }) as unknown as Genesis

  it('is a chain whose genesis names the faucet, and no other', () => {
    const faucet = faucetAccount().address
    const funded = [
      [first.address, 1n],
      [faucet, FAUCET_BALANCE],
    ] as const
    const real = genesisWith(funded)
    const devnet = genesisWith(funded, faucet)
    const other = genesisWith(funded, first.address)
    expect([real, other, devnet].map(isDevnetGenesis)).toEqual([false, false, true])
    expect(() => assertDevnetAllowed(true, real)).toThrow(
      expect.objectContaining({ detail: { code: 'DEVNET_METHODS_REFUSED', chainId: 1 } }),
    )
    assertDevnetAllowed(true, devnet)
    assertDevnetAllowed(false, real)
    expect(unlockedAccounts(devnet).map(({ address }) => toHex(address))).toEqual([
      toHex(first.address),
    ])
  })

  it('is nowhere unless the configuration says so', () => {
    const sources = { home: '/nowhere', file: null, environment: {}, flags: new Map() }
    expect(loadNodeConfig(sources).devnet.methods).toBe(false)
  })
})
