import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeArgs } from '../../../core/host/fieldCodec.ts'
import { fromJson, toJson } from '../../../core/host/fieldJson.ts'
import {
  account,
  choice,
  type Fields,
  int,
  list,
  signed,
  text,
  u8,
  u128,
} from '../../../core/host/fields.ts'
import { described } from '../../support/fieldArbitraries.ts'

const fields = {
  owner: account,
  price: int,
  change: signed,
  wide: u128,
  small: u8,
  side: choice('buy', 'sell'),
  memo: text(4),
  legs: list({ size: int }, 2),
} as const

const good = {
  owner: `0x${'Ab'.repeat(20)}`,
  price: '9007199254740991',
  change: -5,
  wide: '340282366920938463463374607431768211455',
  small: 255,
  side: 'sell',
  memo: 'a ~',
  legs: [{ size: 1 }, { size: '2' }],
}

describe('fieldJson', () => {
  it('comes back from JSON text as it went', () => {
    fc.assert(
      fc.property(described('outside'), ({ fields: any, values }) => {
        const json: unknown = JSON.parse(JSON.stringify(toJson(any, values as never)))
        expect(fromJson(any, json)).toEqual({ ok: true, value: values })
      }),
    )
  })

  it('takes numbers as numbers or as decimal text', () => {
    const read = fromJson(fields, good)
    expect(read.ok && read.value).toEqual({
      owner: new Uint8Array(20).fill(0xab),
      price: 2 ** 53 - 1,
      change: -5,
      wide: (1n << 128n) - 1n,
      small: 255,
      side: 'sell',
      memo: 'a ~',
      legs: [{ size: 1 }, { size: 2 }],
    })
  })

  it('leads to the first thing wrong', () => {
    const wrong: readonly (readonly [object, string])[] = [
      [{ owner: `0x${'ab'.repeat(19)}` }, 'owner'],
      [{ owner: 'ab'.repeat(20) }, 'owner'],
      [{ owner: `0x${'zz'.repeat(20)}` }, 'owner'],
      [{ price: '9007199254740992' }, 'price'],
      [{ price: 2 ** 53 }, 'price'],
      [{ price: -1 }, 'price'],
      [{ price: '01' }, 'price'],
      [{ price: '-0' }, 'price'],
      [{ price: '0x10' }, 'price'],
      [{ price: '' }, 'price'],
      [{ price: 1.5 }, 'price'],
      [{ price: true }, 'price'],
      [{ price: null }, 'price'],
      [{ change: '-9007199254740992' }, 'change'],
      [{ wide: '340282366920938463463374607431768211456' }, 'wide'],
      [{ wide: '1'.repeat(1_000) }, 'wide'],
      [{ small: 256 }, 'small'],
      [{ side: 'hold' }, 'side'],
      [{ side: 1 }, 'side'],
      [{ memo: 'abcde' }, 'memo'],
      [{ memo: 'a\n' }, 'memo'],
      [{ memo: 'é' }, 'memo'],
      [{ legs: [{ size: 1 }, { size: 'x' }] }, 'legs[1].size'],
      [{ legs: [{ size: 1 }, 7] }, 'legs[1]'],
      [{ legs: [{}, {}] }, 'legs[0].size'],
      [{ legs: [{ size: 1 }, { size: 1 }, { size: 1 }] }, 'legs'],
      [{ legs: { size: 1 } }, 'legs'],
      [{ prise: 1 }, 'prise'],
      [JSON.parse('{"__proto__": 1}') as object, '__proto__'],
      [{ toString: 1 }, 'toString'],
    ]
    for (const [change, path] of wrong) {
      const json = Object.assign(Object.create(null), good)
      for (const [name, value] of Object.entries(change)) {
        Object.defineProperty(json, name, { value, enumerable: true })
      }
      expect(fromJson(fields, json), JSON.stringify(change)).toEqual({
        ok: false,
        code: 'BAD_ARGUMENTS',
        path,
      })
    }
    const { memo: _, ...without } = good
    expect(fromJson(fields, without)).toMatchObject({ path: 'memo' })
    for (const json of [null, 1, 'x', [good], undefined]) {
      expect(fromJson(fields, json)).toMatchObject({ path: '' })
    }
  })

  it('lets nothing through that cannot be encoded', () => {
    fc.assert(
      fc.property(
        described('outside'),
        fc.jsonValue(),
        fc.nat(),
        ({ fields: any, values }, junk, at) => {
          const names = Object.keys(any)
          const json = {
            ...toJson(any, values as never),
            [names[at % names.length] as string]: junk,
          }
          const read = fromJson(any as Fields, json)
          if (read.ok) encodeArgs(any as Fields, read.value)
          else expect(read.code).toBe('BAD_ARGUMENTS')
        },
      ),
      { numRuns: 300 },
    )
  })
})
