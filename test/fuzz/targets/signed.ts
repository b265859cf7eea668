// What users sign: envelopes of actions and Ethereum transactions, on their way through the door.
import fc from 'fast-check'
import { signedEnvelopeCodec } from '../../../core/chain/action.ts'
import { decodeAbi, encodeAbi } from '../../../core/host/abi.ts'
import { decodeOutside, encodeArgs } from '../../../core/host/fieldCodec.ts'
import type { Fields } from '../../../core/host/fields.ts'
import { concatBytes, equalBytes } from '../../../core/primitives/bytes.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { decodeRlp, encodeRlp } from '../../../evm/rlp.ts'
import { decodeTransaction } from '../../../evm/transaction.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import { ActionDecoder } from '../../../node/transactions/actionDecoder.ts'
import { testNames, valuesOf } from '../../support/fieldArbitraries.ts'
import { keyNumber, poke, signedAction, testEngines } from '../../support/signedActions.ts'
import { TEST_CHAIN_ID } from '../../support/testChain.ts'
import { codecTarget, type Target } from '../target.ts'
import { samplesOf } from './samples.ts'

const decoder = new ActionDecoder({ chainId: TEST_CHAIN_ID, engines: testEngines })
const envelopes = [
  signedAction(),
  signedAction({ form: 'readable' }),
  signedAction({ actions: [poke(1), poke(2), { ...poke(3), engine: 4, fn: 2 }], expiresAfter: 5 }),
  signedAction({ atomic: true, key: keyNumber(2), nonce: Number.MAX_SAFE_INTEGER }),
]
const values = envelopes.flatMap((bytes) => {
  const decoded = decode(signedEnvelopeCodec, bytes)
  return decoded.ok ? [decoded.value] : []
})

/** 1 gwei, 21,000 gas, to an address, signed by anybody: the form is what counts. */
const legacy = encodeRlp([1, 9, 21_000, 7, 5, 6].map((n) => Uint8Array.of(n)))
const TYPED = [1, 2, 4].map((type) =>
  concatBytes(
    Uint8Array.of(type),
    encodeRlp([
      ...[...new Array(type === 1 ? 4 : 5).keys()].map((n) => Uint8Array.of(n + 1)),
      new Uint8Array(20).fill(9),
      Uint8Array.of(1),
      Uint8Array.of(0xde, 0xad),
      [[new Uint8Array(20).fill(3), [new Uint8Array(32).fill(4)]]],
      ...(type === 4
        ? [[[1, 2, 3, 1, 5, 6].map((n, i) => (i === 1 ? new Uint8Array(20) : Uint8Array.of(n)))]]
        : []),
      Uint8Array.of(1),
      new Uint8Array(32).fill(5),
      new Uint8Array(32).fill(6),
    ]),
  ),
)
const rules = { chainId: 1, blockGasLimit: 30_000_000 }

const functions = coreRegistry.engines.flatMap((engine) =>
  Object.entries({ ...engine.publicFns, ...engine.views }).map(([name, of]) => ({
    name: `${engine.name}.${name}`,
    fields: of.args as Fields,
  })),
)

/** The first byte chooses the function, the rest are its arguments. */
const chosen = (bytes: Uint8Array) => functions[(bytes[0] ?? 0) % functions.length]

const argumentsTarget: Target = {
  name: 'arguments of every function',
  seeds: functions.flatMap(({ fields }, i) =>
    samplesOf(valuesOf(fields, 'outside'), 2).map((one) =>
      concatBytes(Uint8Array.of(i), encodeArgs(fields, one as never)),
    ),
  ),
  run: (bytes) => {
    const of = chosen(bytes)
    if (of === undefined) return 'none'
    const rest = bytes.subarray(1)
    const decoded = decodeOutside(of.fields, rest)
    if (!decoded.ok) return decoded.code
    if (!equalBytes(encodeArgs(of.fields, decoded.value), rest))
      throw new Error(`the arguments of ${of.name} have two encodings`)
    return `ok ${of.name}`
  },
}

const calldataTarget: Target = {
  name: 'ABI calldata of every function',
  seeds: functions.flatMap(({ fields }, i) =>
    samplesOf(valuesOf(fields, 'inside'), 2).map((one) =>
      concatBytes(Uint8Array.of(i), encodeAbi(fields, one as never, testNames)),
    ),
  ),
  run: (bytes) => {
    const of = chosen(bytes)
    if (of === undefined) return 'none'
    const data = bytes.subarray(1)
    const decoded = decodeAbi(of.fields, data, testNames)
    if (!decoded.ok) return decoded.code
    const again = encodeAbi(of.fields, decoded.value, testNames)
    // Bytes behind the arguments are ignored, as Solidity does.
    if (!equalBytes(again, data.subarray(0, again.length)))
      throw new Error(`the calldata of ${of.name} has two encodings`)
    return `ok ${of.name}`
  },
}

const rlp = fc.letrec<{ item: unknown }>((tie) => ({
  item: fc.oneof(
    { maxDepth: 4 },
    fc.uint8Array({ maxLength: 70 }),
    fc.array(tie('item'), { maxLength: 4 }),
  ),
})).item

export const signedTargets: readonly Target[] = [
  codecTarget('signed envelope', signedEnvelopeCodec, values),
  {
    name: 'envelope at the door',
    seeds: envelopes,
    run: (bytes) => {
      const decoded = decoder.decode(bytes)
      return decoded.ok ? 'ok' : decoded.code
    },
  },
  argumentsTarget,
  calldataTarget,
  {
    name: 'Ethereum transaction',
    seeds: [legacy, ...TYPED],
    run: (bytes) => {
      const decoded = decodeTransaction(bytes, rules)
      return decoded.ok ? 'ok' : decoded.code
    },
  },
  {
    name: 'RLP',
    seeds: samplesOf(rlp).map((item) => encodeRlp(item as never)),
    run: (bytes) => {
      const decoded = decodeRlp(bytes)
      if (!decoded.ok) return decoded.code
      if (!equalBytes(encodeRlp(decoded.value), bytes)) throw new Error('an item has two encodings')
      return 'ok'
    },
  },
]
