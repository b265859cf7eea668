import { describe, expect, it } from 'vitest'
import type { Coprocessor } from '../../../core/host/coprocessor.ts'
import { faultsOf } from '../../../core/host/describe.ts'
import { account, choice, type Fields, int, list, u8 } from '../../../core/host/fields.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import { sampleEngine } from '../../support/sampleEngine.ts'

const placeOrder = sampleEngine.publicFns.placeOrder
const withArgs = (args: Fields): object => ({ publicFns: { placeOrder: { ...placeOrder, args } } })

describe('describe', () => {
  it('finds nothing wrong with the engines there are', () => {
    for (const engine of [...coreRegistry.engines, sampleEngine]) {
      expect(faultsOf(engine), engine.name).toEqual([])
    }
  })

  it('finds each thing that would have two meanings or none', () => {
    const { publicFns } = sampleEngine
    const wrong: readonly (readonly [object, string])[] = [
      [{ name: 'Sample' }, 'engine name Sample'],
      [{ name: 'nexus' }, 'engine name nexus'],
      [{ publicFns: { ...publicFns, again: placeOrder } }, 'function id 0 is there twice'],
      [{ publicFns: { far: { ...placeOrder, id: 32 } } }, 'far has id 32'],
      [{ publicFns: { Far: placeOrder } }, 'function name Far'],
      [{ publicFns: { book: placeOrder } }, 'function or view book is there twice'],
      [
        { views: { ...sampleEngine.views, again: sampleEngine.views.book } },
        'view id 0 is there twice',
      ],
      [withArgs({ nonce: int }), 'placeOrder.nonce is a name of the envelope'],
      [withArgs({ 7: int }), 'field name placeOrder.7'],
      [withArgs({ Price: int }), 'field name placeOrder.Price'],
      [withArgs({ side: choice() }), 'placeOrder.side has 1 to 256 choices'],
      [withArgs({ side: choice('a', 'a') }), 'placeOrder.side: choice a is there twice'],
      [withArgs({ side: choice('') }), 'placeOrder.side has a choice without a name'],
      [withArgs({ legs: list({}, 3) }), 'placeOrder.legs has elements without fields'],
      [withArgs({ legs: list({ Leg: u8 }, 3) }), 'field name placeOrder.legs.Leg'],
      [
        withArgs({ leg: list({ a: u8 }, 3), legs: list({ a: int }, 3) }),
        'placeOrder: element type Leg is there twice',
      ],
      [{ events: { done: { kind: u8 } } }, "done.kind is the event's own name"],
      [{ events: { 'a-b': {} } }, 'event name a-b'],
      [{ events: { done: {}, Done: { who: account } } }, 'error or event Done is there twice'],
      [{ codes: ['NotUpper'] }, 'code NotUpper'],
      [{ codes: ['OUT_OF_GAS2', 'OUT_OF_GAS_2'] }, 'error or event OutOfGas2 is there twice'],
    ]
    for (const [change, fault] of wrong) {
      expect(faultsOf({ ...sampleEngine, ...change } as Coprocessor)).toContain(fault)
    }
  })
})
