import { type SignedEnvelope, signedEnvelopeCodec } from '../core/chain/action.ts'
import type { Coprocessor } from '../core/host/coprocessor.ts'
import { decodeOutside } from '../core/host/fieldCodec.ts'
import type { Fields } from '../core/host/fields.ts'
import { type Recovered, recoverSigner } from '../core/host/typedData.ts'
import { decode } from '../core/primitives/codec.ts'
import { fail, type Outcome } from './outcome.ts'

/** The form alone: BAD_ENVELOPE. */
export function signedEnvelopeOf(bytes: Uint8Array): Outcome<SignedEnvelope> {
  const decoded = decode(signedEnvelopeCodec, bytes)
  return decoded.ok ? decoded : fail({ code: 'BAD_ENVELOPE', problem: decoded.code })
}

/**
 * All that can be said of an envelope without the state: its form, the chain, every call, and who
 * signed it. BAD_ENVELOPE, WRONG_CHAIN, BAD_ACTION, WRONG_SIGNER. About 70 µs, of which 57 recover the key.
 */
export function checkedEnvelopeOf(
  bytes: Uint8Array,
  chain: { readonly chainId: number; readonly engines: readonly Coprocessor[] },
): Outcome<SignedEnvelope> {
  const signed = signedEnvelopeOf(bytes)
  if (!signed.ok) return signed
  const { envelope } = signed.value
  if (envelope.chainId !== chain.chainId)
    return fail({ code: 'WRONG_CHAIN', chainId: envelope.chainId, expected: chain.chainId })
  for (const [index, action] of envelope.actions.entries()) {
    const problem = problemOf(chain.engines, action)
    if (problem !== null) return fail({ code: 'BAD_ACTION', action: index, problem })
  }
  const recovered = recoverSigner(bytes, chain.engines)
  return recovered.ok ? signed : signatureFailure(recovered, envelope.signer)
}

/** A refusal of `recoverSigner` in the words of this API. */
export function signatureFailure(
  refused: Extract<Recovered, { readonly ok: false }>,
  signer: Uint8Array,
): Extract<Outcome<never>, { readonly ok: false }> {
  if (refused.code !== 'SIGNER_MISMATCH')
    return fail({ code: 'BAD_ENVELOPE', problem: refused.code })
  const { recovered, digest } = refused
  return fail({ code: 'WRONG_SIGNER', signer, recovered, digest })
}

function problemOf(
  engines: readonly Coprocessor[],
  action: SignedEnvelope['envelope']['actions'][number],
): string | null {
  const engine = engines.find(({ id }) => id === action.engine)
  if (engine === undefined) return 'UNKNOWN_ENGINE'
  const fn = Object.values(engine.publicFns).find(({ id }) => id === action.fn)
  if (fn === undefined) return 'UNKNOWN_FUNCTION'
  if (fn.only === 'evm') return 'EVM_ONLY'
  return decodeOutside(fn.args as Fields, action.args).ok ? null : 'BAD_ARGS'
}
