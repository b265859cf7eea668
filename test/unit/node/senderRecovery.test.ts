import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, describe, expect, it } from 'vitest'
import type { Envelope } from '../../../core/chain/action.ts'
import { encodeArgs } from '../../../core/host/fieldCodec.ts'
import { signEnvelope } from '../../../core/host/typedData.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { addressOfPrivateKey } from '../../../core/primitives/signature.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import { isAction } from '../../../node/mempool/action.ts'
import { ActionDecoder } from '../../../node/transactions/actionDecoder.ts'
import { SenderRecovery } from '../../../node/transactions/senderRecovery.ts'
import {
  type ActionParts,
  keyNumber,
  poke,
  signedAction,
  testEngines,
} from '../../support/signedActions.ts'
import { TEST_CHAIN_ID } from '../../support/testChain.ts'

const rules = { chainId: TEST_CHAIN_ID, blockGasLimit: 30_000_000 }
const decoder = new ActionDecoder({ chainId: TEST_CHAIN_ID, engines: testEngines })
const codeOf = (bytes: Uint8Array): string => {
  const decoded = decoder.decode(bytes)
  return decoded.ok ? 'OK' : decoded.code
}
const user = privateKeyToAccount(`0x${'05'.repeat(32)}`)
const transfer = async (nonce: number): Promise<Uint8Array> =>
  fromHex(
    await user.signTransaction({
      chainId: TEST_CHAIN_ID,
      nonce,
      to: `0x${'42'.repeat(20)}`,
      value: 1n,
      gas: 21_000n,
      maxFeePerGas: 100n,
      maxPriorityFeePerGas: 1n,
    }),
  )
/** The same envelope with one byte of its signed part, signature or frame turned. */
const turned = (bytes: Uint8Array, at: number): Uint8Array => {
  const copy = new Uint8Array(bytes)
  const index = at < 0 ? bytes.length + at : at
  copy[index] = (copy[index] as number) ^ 1
  return copy
}

describe('ActionDecoder', () => {
  it('describes an envelope in either form', () => {
    const two = { actions: [poke(), { ...poke(), fn: 2 }] }
    const bytes = signedAction({ ...two, nonce: 77, expiresAfter: 99 })
    expect(decoder.decode(bytes)).toEqual({
      ok: true,
      value: {
        hash: keccak256(bytes),
        signer: addressOfPrivateKey(keyNumber(1)),
        nonce: 77,
        expiresAfter: 99,
        calls: 2,
        gas: 340,
        isNoop: false,
        bytes,
      },
    })
    expect(codeOf(signedAction({ form: 'readable' }))).toBe('OK')
  })

  it('knows an envelope that does nothing but use up its nonce', () => {
    const { engines } = coreRegistry
    const real = new ActionDecoder({ chainId: TEST_CHAIN_ID, engines })
    const call = (engine: number, fn: number) => ({ engine, fn, args: new Uint8Array(0) })
    const cancelAll = engines[2]?.publicFns.cancelAll?.id ?? -1
    const market = { engine: 2, fn: cancelAll, args: new Uint8Array(2) }
    for (const [actions, expected] of [
      [[call(1, 0)], true],
      [[call(1, 0), call(1, 0)], true],
      [[call(1, 0), market], false],
      [[market], false],
    ] as const) {
      const decoded = real.decode(signedAction({ actions }))
      expect(decoded.ok && decoded.value.isNoop).toBe(expected)
    }
  })

  const wrong: readonly (readonly [string, string, ActionParts])[] = [
    ['another chain', 'WRONG_CHAIN_ID', { chainId: 7 }],
    [
      'another signer than it names',
      'SIGNER_MISMATCH',
      { key: keyNumber(2), signer: addressOfPrivateKey(keyNumber(1)) },
    ],
    ['an engine that is none', 'UNKNOWN_ENGINE', { actions: [{ ...poke(), engine: 2 }] }],
    ['a function that is none', 'UNKNOWN_FUNCTION', { actions: [{ ...poke(), fn: 3 }] }],
    ['a function for contracts', 'EVM_ONLY', { actions: [poke(), { ...poke(), fn: 1 }] }],
    [
      'arguments cut short',
      'BAD_ARGUMENTS',
      { actions: [{ ...poke(), args: poke().args.slice(1) }] },
    ],
    [
      'arguments with a byte too many',
      'BAD_ARGUMENTS',
      { actions: [{ ...poke(), args: Uint8Array.of(...poke().args, 0) }] },
    ],
    [
      'arguments out of range',
      'BAD_ARGUMENTS',
      { actions: [{ ...poke(), args: new Uint8Array(8).fill(255) }] },
    ],
    [
      'atomic calls of two engines',
      'ATOMIC_MANY_ENGINES',
      { atomic: true, actions: [poke(), { ...poke(), engine: 4 }] },
    ],
  ]
  it.each(wrong)('refuses %s: %s', (_, code, parts) => {
    expect(codeOf(signedAction(parts))).toBe(code)
  })

  it('refuses what was changed after signing, in every part', () => {
    const bytes = signedAction()
    expect(codeOf(bytes)).toBe('OK')
    for (let at = 0; at < bytes.length; at++)
      expect(codeOf(turned(bytes, at)), `byte ${at}`).not.toBe('OK')
    expect(codeOf(bytes.slice(0, -1))).toBe('MALFORMED')
    expect(codeOf(Uint8Array.of(...bytes, 0))).toBe('MALFORMED')
  })

  it('takes calls of two engines that need not stand together', () => {
    expect(codeOf(signedAction({ actions: [poke(), { ...poke(), engine: 4 }] }))).toBe('OK')
  })
})

describe('SenderRecovery', () => {
  const inline = new SenderRecovery({
    rules,
    engines: coreRegistry.engines,
    threads: 0,
    eager: true,
  })
  const threaded = new SenderRecovery({
    rules,
    engines: coreRegistry.engines,
    threads: 2,
    eager: true,
  })
  afterAll(() => threaded.close())

  /** The ledger's noop: what every chain has. */
  const noop = (nonce: number, key: Uint8Array): Uint8Array => {
    const ledger = coreRegistry.engines.find(({ name }) => name === 'ledger')
    const fn = ledger?.publicFns.noop
    if (ledger === undefined || fn === undefined) throw new Error('no noop')
    const call = { engine: ledger.id, fn: fn.id, args: encodeArgs(fn.args, {}) }
    const envelope: Envelope = {
      chainId: TEST_CHAIN_ID,
      signer: addressOfPrivateKey(key),
      nonce,
      expiresAfter: null,
      maxFee: 10,
      atomic: false,
      actions: [call],
    }
    const signed = signEnvelope(envelope, 'compact', key, coreRegistry.engines)
    if (!signed.ok) throw new Error(signed.code)
    return signed.value
  }

  it('holds more than some full blocks while its threads are busy', async () => {
    const items = new Array<Uint8Array>(6 * LIMITS.blockTransactions).fill(Uint8Array.of(1))
    const judged = await threaded.decode(items)
    expect(judged.length).toBe(items.length)
    expect(judged.every((one) => one === null)).toBe(true)
  }, 60_000)

  it('comes to the same in threads, whatever is mixed and however much there is', async () => {
    const transfers = await Promise.all([0, 1, 2, 3].map(transfer))
    const items: Uint8Array[] = []
    for (let i = 0; i < 600; i++) {
      const good =
        i % 2 === 0 ? (transfers[(i / 2) % 4] as Uint8Array) : noop(i + 1, keyNumber(i % 5))
      items.push(i % 7 === 3 ? turned(good, -2) : good)
    }
    items.push(new Uint8Array(0), Uint8Array.of(0xa0), Uint8Array.of(0x80))
    const [here, there] = await Promise.all([inline.decode(items), threaded.decode(items)])
    expect(there).toEqual(here)
    const kinds = here.map((one) => (one === null ? '-' : isAction(one) ? 'c' : 'e')).join('')
    const expected = items
      .slice(0, 600)
      .map((_, i) => (i % 7 === 3 ? '.' : i % 2 === 0 ? 'e' : 'c'))
    expect(kinds).toMatch(new RegExp(`^${expected.join('')}---$`))
    expect(here[1]).toMatchObject({ signer: addressOfPrivateKey(keyNumber(1)), nonce: 2, calls: 1 })
    expect(toHex((here[0] as { sender: Uint8Array }).sender)).toBe(
      user.address.slice(2).toLowerCase(),
    )
    // A turned signature recovers somebody else: an envelope names its signer, a transaction does not.
    const turnedActions = here.filter((_, i) => i % 7 === 3 && i % 2 === 1)
    expect(turnedActions.every((one) => one === null)).toBe(true)
  })
})
