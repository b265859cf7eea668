// Core's receipts by hash and by block, from records of a block that are read as a whole.
import { expect, it } from 'vitest'
import { type ActionReceipt, signedEnvelopeCodec } from '../../../core/chain/action.ts'
import { decode } from '../../../core/primitives/codec.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { CoreService, type CoreServiceModules } from '../../../node/rpc/coreService.ts'
import { signedAction, testEngines } from '../../support/signedActions.ts'

const HEIGHT = 5
const signed = [1, 2, 3].map((nonce) => signedAction({ nonce }))
const envelopes = signed.map((bytes) => {
  const read = decode(signedEnvelopeCodec, bytes)
  if (!read.ok) throw new Error(read.code)
  return read.value.envelope
})
const receipts = envelopes.map(
  ({ signer, nonce }, index): ActionReceipt => ({
    hash: keccak256(signed[index] as Uint8Array),
    ...{ signer, owner: signer, nonce, code: null, fee: 0, calls: [] },
  }),
)

function world(core: readonly Uint8Array[]) {
  const reads: string[] = []
  const read = <T>(what: string, value: T): T => {
    reads.push(what)
    return value
  }
  const reader = {
    summary: (height: number) => (height === HEIGHT ? { blockId: 'block' } : null),
    coreOutcome: (height: number) => read('outcome', height === HEIGHT ? { receipts } : null),
    block: () => read('block', { payload: { core } }),
    actionLocation: (hash: Uint8Array) =>
      read('place', { height: HEIGHT, index: receipts.findIndex((one) => one.hash === hash) }),
  }
  const service = new CoreService(1, {
    replica: { registry: { engines: testEngines }, names: null },
    reader,
  } as unknown as CoreServiceModules)
  return { service, reads }
}

it('reads the actions of a block once, and they are those found by their hashes', () => {
  const { service, reads } = world(signed)
  const actions = service.actions(HEIGHT)
  expect(reads).toEqual(['outcome', 'block'])
  expect(actions).toEqual(
    receipts.map((receipt, index) => ({
      ...{ height: HEIGHT, index, blockId: 'block', receipt },
      envelope: envelopes[index],
    })),
  )
  expect(receipts.map(({ hash }) => service.receipt(hash))).toEqual(actions)
  expect(service.actions(HEIGHT + 1)).toBeNull()
})

it('has receipts without what was signed where a node keeps no more', () => {
  const actions = world([]).service.actions(HEIGHT)
  expect(actions?.map(({ receipt, envelope }) => [receipt, envelope])).toEqual(
    receipts.map((receipt) => [receipt, null]),
  )
})
