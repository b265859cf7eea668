// Signed envelopes for an engine that exists for them only.
import type { ActionCall, Envelope, SignatureForm } from '../../core/chain/action.ts'
import { publicFn } from '../../core/host/coprocessor.ts'
import { encodeArgs } from '../../core/host/fieldCodec.ts'
import { int } from '../../core/host/fields.ts'
import { asEngine } from '../../core/host/registry.ts'
import { signEnvelope } from '../../core/host/typedData.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { ok } from '../../core/primitives/result.ts'
import { addressOfPrivateKey } from '../../core/primitives/signature.ts'
import { TEST_CHAIN_ID } from './testChain.ts'

const fn = publicFn<Record<never, never>>()
const args = { amount: int } as const
const common = { args, result: {}, class: 'other', authority: 'agent' } as const
const apply = () => ok({})

/** Function 0 costs 300, function 1 can only be called by contracts, function 2 costs 40. */
const engineOf = (id: number, name: string) =>
  asEngine({
    id,
    name,
    version: 1,
    schema: {},
    publicFns: {
      poke: fn({ ...common, id: 0, gas: 300, apply }),
      pull: fn({ ...common, id: 1, gas: 10, only: 'evm', apply }),
      nudge: fn({ ...common, id: 2, gas: 40, apply }),
    },
    internalFns: {},
    views: {},
    events: {},
    codes: [],
    constraints: [],
    genesis() {},
    migrate() {},
  })

export const testEngines = [engineOf(1, 'first'), engineOf(4, 'second')]

export const keyNumber = (number: number): Uint8Array => keccak256(Uint8Array.of(0xac, number))

export const poke = (amount = 1): ActionCall => ({
  engine: 1,
  fn: 0,
  args: encodeArgs(args, { amount }),
})

export type ActionParts = Partial<Envelope> & {
  readonly form?: SignatureForm
  readonly key?: Uint8Array
}

/** An envelope of one call by the first key, signed as it should be unless the parts say otherwise. */
export function signedAction({ form = 'compact', key = keyNumber(1), ...parts }: ActionParts = {}) {
  const envelope: Envelope = {
    chainId: TEST_CHAIN_ID,
    signer: addressOfPrivateKey(key),
    nonce: 1_000_000,
    expiresAfter: null,
    maxFee: 1_000,
    atomic: false,
    actions: [poke()],
    ...parts,
  }
  const signed = signEnvelope(envelope, form, key, testEngines)
  if (!signed.ok) throw new Error(signed.code)
  return signed.value
}
