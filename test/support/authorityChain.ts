// Signed actions of the authority, for chains in this process and for real nodes alike.
import type { ActionCall } from '../../core/chain/action.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { encodeArgs } from '../../core/host/fieldCodec.ts'
import { signEnvelope } from '../../core/host/typedData.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { AUTHORITY, authority } from './engines/authority.ts'
import { coreRegistry } from './engines/chainRegistry.ts'
import type { Key } from './evmWorld.ts'
import type { RealAction } from './realChain.ts'

const { publicFns } = authority as unknown as Coprocessor

const call = (name: string, args: object): ActionCall => {
  const fn = publicFns[name]
  if (fn === undefined) throw new Error(`no function authority.${name}`)
  return { engine: AUTHORITY, fn: fn.id, args: encodeArgs(fn.args, args as never) }
}

export const join = (publicKey: Uint8Array, power: number): ActionCall =>
  call('join', { publicKey, power })
export const leave = (publicKey: Uint8Array): ActionCall => call('leave', { publicKey })
export const setPower = (publicKey: Uint8Array, power: number): ActionCall =>
  call('setPower', { publicKey, power })
export const rotate = (from: Uint8Array, to: Uint8Array): ActionCall => call('rotate', { from, to })

/** One envelope with all of the calls. The nonce is a time in milliseconds near the chain's. */
export function authorityAction(
  key: Key,
  calls: readonly ActionCall[],
  { chainId, nonce }: { readonly chainId: number; readonly nonce: number },
): RealAction & { readonly hash: Uint8Array } {
  const envelope = {
    ...{ chainId, nonce, signer: key.address, actions: calls },
    ...{ expiresAfter: null, maxFee: 1_000_000, atomic: false },
  }
  const signed = signEnvelope(envelope, 'compact', key.privateKey, coreRegistry.engines)
  if (!signed.ok) throw new Error(signed.code)
  return { bytes: signed.value, signer: key.address, hash: keccak256(signed.value) }
}
