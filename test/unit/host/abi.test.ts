import fc from 'fast-check'
import {
  type Abi,
  decodeAbiParameters,
  decodeErrorResult,
  decodeEventLog,
  encodeAbiParameters,
  encodeFunctionData,
  getAddress,
  type Hex,
  hexToBytes,
  toFunctionSelector,
} from 'viem'
import { describe, expect, it } from 'vitest'
import {
  abiEntriesOf,
  abiEventOf,
  abiSignatureOf,
  decodeAbi,
  encodeAbi,
  rejectedError,
  selectorOf,
} from '../../../core/host/abi.ts'
import { toOutside } from '../../../core/host/fieldCodec.ts'
import {
  choice,
  type Fields,
  int,
  list,
  text,
  u8,
  u16,
  type Values,
} from '../../../core/host/fields.ts'
import { jsonAbiOf } from '../../../core/host/solidity.ts'
import { concatBytes, toHex } from '../../../core/primitives/bytes.ts'
import {
  type AnyValues,
  damage,
  damaged,
  described,
  testNames,
} from '../../support/fieldArbitraries.ts'
import { sampleEngine } from '../../support/sampleEngine.ts'
import { viemParams, viemValues } from '../../support/viemAbi.ts'

const hexOf = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`
const abi = JSON.parse(jsonAbiOf(sampleEngine)) as Abi

const viemEncode = (fields: Fields, values: AnyValues): Uint8Array =>
  hexToBytes(encodeAbiParameters(viemParams(fields), viemValues(fields, values)))

describe('abi', () => {
  it('encodes as viem does, and decodes what viem encodes', () => {
    fc.assert(
      fc.property(described('inside'), ({ fields, values }) => {
        const inside = values as Values<Fields>
        const expected = viemEncode(fields, toOutside(fields, inside, testNames))
        expect(hexOf(encodeAbi(fields, inside, testNames))).toBe(hexOf(expected))
        expect(decodeAbi(fields, expected, testNames)).toEqual({ ok: true, value: values })
        const longer = concatBytes(expected, Uint8Array.of(1, 2, 3))
        expect(decodeAbi(fields, longer, testNames)).toEqual({ ok: true, value: values })
      }),
      { numRuns: 300 },
    )
  })

  it('refuses every shorter calldata', () => {
    fc.assert(
      fc.property(described('inside'), fc.nat(), ({ fields, values }, cut) => {
        const data = encodeAbi(fields, values as Values<Fields>, testNames)
        const short = data.subarray(0, cut % data.length)
        expect(decodeAbi(fields, short, testNames)).toEqual({ ok: false, code: 'BAD_ARGUMENTS' })
      }),
    )
  })

  it('takes of damaged calldata exactly what viem reads and would write again', () => {
    let taken = 0
    fc.assert(
      fc.property(described('inside'), damage, ({ fields, values }, changes) => {
        const data = damaged(encodeAbi(fields, values as Values<Fields>, testNames), changes)
        const decoded = decodeAbi(fields, data, testNames)
        const canonical = viemCanonical(fields, data)
        if (!decoded.ok) {
          if (decoded.code === 'BAD_ARGUMENTS') expect(canonical).toBe(false)
          return
        }
        taken += 1
        expect(canonical).toBe(true)
        const again = hexOf(encodeAbi(fields, decoded.value, testNames))
        expect(hexOf(data).startsWith(again)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
    expect(taken).toBeGreaterThan(20)
  })

  it('refuses values that a word could hold and a kind cannot', () => {
    const word = (value: bigint): Uint8Array =>
      hexToBytes(`0x${value.toString(16).padStart(64, '0')}`)
    const refuse = (fields: Fields, ...words: readonly bigint[]): void =>
      expect(decodeAbi(fields, concatBytes(...words.map(word)), testNames), String(words)).toEqual({
        ok: false,
        code: 'BAD_ARGUMENTS',
      })
    refuse({ a: u8 }, 256n)
    refuse({ a: int }, 2n ** 53n)
    refuse({ a: int }, (1n << 255n) + 1n)
    refuse({ a: { kind: 'signed' } }, 2n ** 53n)
    refuse({ a: { kind: 'signed' } }, 2n ** 256n - 2n ** 53n)
    refuse({ a: { kind: 'signed' } }, 2n ** 64n - 1n)
    refuse({ a: { kind: 'bool' } }, 2n)
    refuse({ a: choice('x', 'y') }, 2n)
    refuse({ a: { kind: 'u128' } }, 1n << 128n)
    refuse({ a: { kind: 'address' } }, 1n << 160n)
    refuse({ a: text(5) }, 0x20n, 1n, 0x1fn << 248n)
    refuse({ a: text(5) }, 0x20n, 6n, 0x414141414141n << 208n)
    refuse({ a: { kind: 'bytes', max: 5 } }, 0x20n, 1n, (0x41n << 248n) + 1n)
    refuse({ a: { kind: 'bytes', max: 5 } }, 0x40n, 0n, 0n)
    refuse({ a: list({ b: u8 }, 1) }, 0x20n, 2n, 1n, 1n)
    refuse({ a: list({ b: u8 }, 2 ** 40) }, 0x20n, 2n ** 40n, 1n)
  })

  it('will not read one tail twice', () => {
    const fields = { a: list({ note: text(100) }, 50) } as const
    const value = { a: [{ note: 'x' }, { note: 'y' }] }
    const data = encodeAbi(fields, value, testNames)
    expect(decodeAbi(fields, data, testNames).ok).toBe(true)
    data.copyWithin(96, 64, 96)
    const viemRead = decodeAbiParameters(viemParams(fields), data)
    expect(viemRead).toEqual([[{ note: 'x' }, { note: 'x' }]])
    expect(decodeAbi(fields, data, testNames)).toEqual({ ok: false, code: 'BAD_ARGUMENTS' })
  })

  it('asks for a known account only in good calldata', () => {
    const fields = { who: { kind: 'account' }, market: u16 } as const
    const data = viemEncode(fields, { who: new Uint8Array(20).fill(0xee), market: 1 })
    expect(decodeAbi(fields, data, testNames)).toEqual({ ok: false, code: 'UNKNOWN_ACCOUNT' })
    data[40] = 1
    expect(decodeAbi(fields, data, testNames)).toEqual({ ok: false, code: 'BAD_ARGUMENTS' })
  })

  it('finds functions by the selector that Solidity gives them', () => {
    const entries = abiEntriesOf(sampleEngine)
    expect([...entries.values()].map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'publicFn placeOrder',
      'publicFn placeMany',
      'publicFn depositNative',
      'publicFn everything',
      'view book',
      'view market',
    ])
    const signature = 'placeMany(uint16,(uint8,uint64,string,(bytes32)[])[])'
    const args = sampleEngine.publicFns.placeMany?.args as Fields
    expect(abiSignatureOf('placeMany', args)).toBe(signature)
    expect(`0x${selectorOf('placeMany', args)}`).toBe(toFunctionSelector(signature))
    const call = encodeFunctionData({ abi, functionName: 'book', args: [1, 10] })
    expect(entries.get(call.slice(2, 10))?.name).toBe('book')
  })

  it('turns codes into the typed errors of the interface', () => {
    for (const code of [...sampleEngine.codes, 'BAD_ARGUMENTS', 'OUT_OF_GAS']) {
      const words = code.toLowerCase().split('_')
      const errorName = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
      const decoded = decodeErrorResult({ abi, data: hexOf(rejectedError(code)) })
      expect(decoded.errorName).toBe(errorName)
    }
    const other = decodeErrorResult({ abi, data: hexOf(rejectedError('not a code')) })
    expect(other.errorName).toBe('CoreRejected')
    expect(other.args).toEqual([`0x${Buffer.from('not a code').toString('hex').padEnd(64, '0')}`])
  })

  it('makes logs that the interface reads', () => {
    const read = (kind: string, fields: AnyValues): unknown => {
      const { topics, data } = abiEventOf(sampleEngine, { kind, ...fields }, testNames)
      const hexes = topics.map(hexOf) as [Hex, ...Hex[]]
      return decodeEventLog({ abi, topics: hexes, data: hexOf(data), strict: true })
    }
    const addressOf = (id: number): Hex => getAddress(hexOf(new Uint8Array(20).fill(id)))
    expect(read('OrderAccepted', { owner: 7, market: 2, orderId: 9, side: 'sell' })).toEqual({
      eventName: 'OrderAccepted',
      args: { owner: addressOf(7), market: 2, orderId: 9n, side: 1 },
    })
    const bytes = (id: number): Uint8Array => new Uint8Array(20).fill(id)
    const transfer = { sender: 1, receiver: 0, agent: bytes(3), token: bytes(4), amount: 5 }
    expect(read('transferred', transfer)).toEqual({
      eventName: 'Transferred',
      args: {
        sender: addressOf(1),
        receiver: addressOf(0),
        agent: addressOf(3),
        token: addressOf(4),
        amount: 5n,
      },
    })
    expect(read('noted', { note: 'hi', change: -3 })).toEqual({
      eventName: 'Noted',
      args: { note: 'hi', change: -3n },
    })
    expect(read('emptied', {})).toMatchObject({ eventName: 'Emptied' })
  })
})

/** Whether viem reads the data, and its value is within the kinds and its encoding is how the data begins. */
function viemCanonical(fields: Fields, data: Uint8Array): boolean {
  try {
    const params = viemParams(fields)
    const values = decodeAbiParameters(params, hexOf(data))
    const again = encodeAbiParameters(params, values as unknown[])
    return hexOf(data).startsWith(again) && withinKinds(fields, values as unknown[])
  } catch {
    return false
  }
}

function withinKinds(fields: Fields, values: readonly unknown[]): boolean {
  return Object.values(fields).every((field, i) => {
    const value = values[i]
    switch (field.kind) {
      case 'int':
      case 'signed':
        return Number.isSafeInteger(Number(value))
      case 'bytes':
        return ((value as Hex).length - 2) / 2 <= field.max
      case 'text':
        return (value as string).length <= field.max && /^[ -~]*$/.test(value as string)
      case 'choice':
        return (value as number) < field.of.length
      case 'list': {
        const all = value as readonly AnyValues[]
        const inside = all.every((one) =>
          withinKinds(
            field.of,
            Object.keys(field.of).map((name) => one[name]),
          ),
        )
        return all.length <= field.max && inside
      }
      default:
        return true
    }
  })
}
