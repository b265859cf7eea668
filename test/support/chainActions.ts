import type { ActionCall, Envelope } from '../../core/chain/action.ts'
import { encodeArgs, type OutsideValues } from '../../core/host/fieldCodec.ts'
import type { Fields } from '../../core/host/fields.ts'
import { signEnvelope } from '../../core/host/typedData.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { coreRegistry } from '../../node/engines/registry.ts'
import type { Key } from './evmWorld.ts'
import type { RealAction } from './realChain.ts'

/** A call by names; accounts are addresses. */
export function callOf(engine: string, name: string, args: object): ActionCall {
  const coprocessor = coreRegistry.engines.find((candidate) => candidate.name === engine)
  const fn = coprocessor?.publicFns[name]
  if (coprocessor === undefined || fn === undefined)
    throw new Error(`no function ${engine}.${name}`)
  const fields = fn.args as Fields
  return {
    engine: coprocessor.id,
    fn: fn.id,
    args: encodeArgs(fields, args as OutsideValues<Fields>),
  }
}

/** A signed compact envelope for chain 3940. */
export function signedAction(
  key: Key,
  nonce: number,
  actions: readonly ActionCall[],
  options: Partial<Envelope> = {},
): RealAction & { readonly hash: Uint8Array } {
  const envelope: Envelope = {
    chainId: 3940,
    signer: key.address,
    nonce,
    expiresAfter: null,
    maxFee: 1_000_000,
    atomic: false,
    actions,
    ...options,
  }
  const signed = signEnvelope(envelope, 'compact', key.privateKey, coreRegistry.engines)
  if (!signed.ok) throw new Error(signed.code)
  return { bytes: signed.value, signer: key.address, hash: keccak256(signed.value) }
}
