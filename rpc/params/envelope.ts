import {
  type ActionCall,
  type Envelope,
  type SignatureForm,
  signedEnvelopeCodec,
} from '../../core/chain/action.ts'
import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { encodeArgs } from '../../core/host/fieldCodec.ts'
import { fromJson } from '../../core/host/fieldJson.ts'
import type { Fields } from '../../core/host/fields.ts'
import { encode } from '../../core/primitives/codec.ts'
import { LIMITS } from '../../core/primitives/limits.ts'
import { SIGNATURE_LENGTH } from '../../core/primitives/signature.ts'
import { fail, type Outcome } from '../outcome.ts'
import { address, boolean, bytes } from './hex.ts'
import { bad, MemberReader, membersOf, type Parsed } from './parameter.ts'
import { integerUpTo } from './values.ts'

const safe = integerUpTo(Number.MAX_SAFE_INTEGER)

export type Unsigned = { readonly envelope: Envelope; readonly form: SignatureForm }

/**
 * An envelope as people write it: names of engines and functions, arguments as JSON. Without a `form`,
 * one action is readable and several are compact. BAD_ENVELOPE and BAD_ACTION.
 */
export function envelopeOf(engines: readonly Coprocessor[], json: unknown): Outcome<Unsigned> {
  const members = membersOf(json)
  if (!members.ok) return badEnvelope(members.problem)
  const reader = new MemberReader(members.value)
  const fields = {
    chainId: reader.read('chainId', safe, null),
    signer: reader.read('signer', address, null),
    nonce: reader.read('nonce', safe, null),
    maxFee: reader.read('maxFee', safe, null),
  }
  const expiresAfter = reader.read('expiresAfter', safe, null)
  const atomic = reader.read('atomic', boolean, false)
  const form = reader.read('form', formOf, null)
  if (reader.problem !== null) return badEnvelope(reader.problem)
  const { chainId, signer, nonce, maxFee } = fields
  if (chainId === null || signer === null || nonce === null || maxFee === null) {
    const missing = Object.entries(fields).find(([, value]) => value === null)
    return badEnvelope(`missing ${missing?.[0]}`)
  }
  const actions = actionsOf(engines, members.value.actions)
  if (!actions.ok) return actions
  const envelope = { chainId, signer, nonce, expiresAfter, maxFee, atomic, actions: actions.value }
  const usual = actions.value.length === 1 ? 'readable' : 'compact'
  return { ok: true, value: { envelope, form: form ?? usual } }
}

/** The canonical bytes: of hex, or of an envelope as above with its `signature` of 65 bytes. */
export function signedBytesOf(engines: readonly Coprocessor[], json: unknown): Outcome<Uint8Array> {
  if (typeof json === 'string') {
    const parsed = bytes(json)
    return parsed.ok ? parsed : badEnvelope(parsed.problem)
  }
  const unsigned = envelopeOf(engines, json)
  if (!unsigned.ok) return unsigned
  const members = membersOf(json)
  const signature = signatureOf(members.ok ? members.value.signature : null)
  if (!signature.ok) return badEnvelope(`signature: ${signature.problem}`)
  return {
    ok: true,
    value: encode(signedEnvelopeCodec, { ...unsigned.value, ...signature.value }),
  }
}

const badEnvelope = (problem: string) => fail({ code: 'BAD_ENVELOPE', problem })

const formOf = (json: unknown): Parsed<SignatureForm> =>
  json === 'readable' || json === 'compact'
    ? { ok: true, value: json }
    : bad('expected "readable" or "compact"')

/** r ‖ s ‖ v as wallets give it: v is 27 or 28, or the parity itself. */
function signatureOf(
  json: unknown,
): Parsed<{ readonly signature: Uint8Array; readonly recovery: number }> {
  const parsed = bytes(json)
  if (!parsed.ok) return parsed
  if (parsed.value.length !== SIGNATURE_LENGTH + 1) return bad('expected 65 bytes: r, s, v')
  const v = parsed.value[SIGNATURE_LENGTH] as number
  const recovery = v >= 27 ? v - 27 : v
  if (recovery > 1) return bad(`v is ${v}, expected 27, 28, 0 or 1`)
  return { ok: true, value: { signature: parsed.value.slice(0, SIGNATURE_LENGTH), recovery } }
}

function actionsOf(engines: readonly Coprocessor[], json: unknown): Outcome<readonly ActionCall[]> {
  if (!Array.isArray(json) || json.length === 0 || json.length > LIMITS.envelopeActions)
    return badEnvelope(`actions: expected a list of 1 to ${LIMITS.envelopeActions}`)
  const calls: ActionCall[] = []
  for (const [action, one] of json.entries()) {
    const call = callOf(engines, one)
    if (!call.ok) return fail({ code: 'BAD_ACTION', action, problem: call.problem })
    calls.push(call.value)
  }
  return { ok: true, value: calls }
}

function callOf(engines: readonly Coprocessor[], json: unknown): Parsed<ActionCall> {
  const members = membersOf(json)
  if (!members.ok) return members
  const engine = engines.find(({ name }) => name === members.value.engine)
  if (engine === undefined) return bad('UNKNOWN_ENGINE')
  const { fn: name } = members.value
  const fn =
    typeof name === 'string' && Object.hasOwn(engine.publicFns, name)
      ? engine.publicFns[name]
      : undefined
  if (fn === undefined) return bad('UNKNOWN_FUNCTION')
  const fields = fn.args as Fields
  const args = fromJson(fields, members.value.args ?? {})
  if (!args.ok) return bad(args.path === '' ? args.code : `${args.code}: ${args.path}`)
  const encoded = encodeArgs(fields, args.value)
  if (encoded.length > LIMITS.actionArgsBytes) return bad('BAD_ARGUMENTS')
  return { ok: true, value: { engine: engine.id, fn: fn.id, args: encoded } }
}
