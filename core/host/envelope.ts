import type { ActionCall, Envelope } from '../chain/action.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import type { ActionClass } from './coprocessor.ts'
import { type EngineTable, engineFault, type HostedFn } from './engineHost.ts'
import { type AccountNames, readArgs } from './fieldCodec.ts'
import { feeOf, JUNK_CALL_GAS } from './gas.ts'
import type { Admission, Authority } from './ledgerPort.ts'

/** A call of an envelope, looked up and decoded, or why that is impossible. */
export type PreparedCall =
  | {
      readonly kind: 'call'
      readonly hosted: HostedFn
      readonly class: ActionClass
      readonly values: { readonly [name: string]: unknown }
      readonly authority: Authority
    }
  | { readonly kind: 'refused'; readonly code: string }

export type PreparedEnvelope = {
  readonly calls: readonly PreparedCall[]
  readonly admission: Admission
  /** Core gas before what the calls add. */
  readonly baseGas: number
}

/** What preparing an envelope needs to know of the chain. */
export type EnvelopeRules = {
  readonly tableOf: (engine: number) => EngineTable | undefined
  readonly names: AccountNames
  readonly gasPrice: number
  /** Of the block, for a fault's report. */
  readonly height: number
}

export const baseGasOf = (call: PreparedCall): number =>
  call.kind === 'call' ? call.hosted.fn.gas : JUNK_CALL_GAS

/**
 * Looks up and decodes every call, and says what the ledger must allow. Refused as a whole only for
 * what would cost the sender nothing otherwise. O(calls + bytes).
 */
export function prepareEnvelope(
  rules: EnvelopeRules,
  envelope: Envelope,
): Result<PreparedEnvelope, 'ATOMIC_MANY_ENGINES' | 'INSUFFICIENT_FEE'> {
  const { actions, maxFee } = envelope
  const engine = actions[0]?.engine
  if (envelope.atomic && actions.some((action) => action.engine !== engine)) {
    return reject('ATOMIC_MANY_ENGINES')
  }
  const calls: PreparedCall[] = []
  const authorities: Authority[] = []
  let baseGas = 0
  for (const action of actions) {
    const call = prepareCall(rules, action)
    calls.push(call)
    baseGas += baseGasOf(call)
    if (call.kind === 'call') authorities.push(call.authority)
  }
  if (feeOf(baseGas, rules.gasPrice) > maxFee) return reject('INSUFFICIENT_FEE')
  const { signer, nonce, expiresAfter } = envelope
  const admission = { signer, nonce, expiresAfter, maxFee, calls: authorities }
  return ok({ calls, admission, baseGas })
}

const refused = (code: string): PreparedCall => ({ kind: 'refused', code })

function prepareCall(rules: EnvelopeRules, action: ActionCall): PreparedCall {
  const table = rules.tableOf(action.engine)
  if (table === undefined) return refused('UNKNOWN_ENGINE')
  const hosted = table.fns[action.fn]
  if (hosted === undefined) return refused('UNKNOWN_FUNCTION')
  if (hosted.fn.only === 'evm') return refused('EVM_ONLY')
  const args = readArgs(hosted.args, action.args, rules.names)
  if (!args.ok) return refused(args.code)
  const values = args.value
  try {
    const { fn } = hosted
    return {
      kind: 'call',
      hosted,
      class: typeof fn.class === 'function' ? fn.class(values as never) : fn.class,
      values,
      authority: {
        engine: action.engine,
        fn: action.fn,
        needs: fn.authority,
        market: fn.market === undefined ? null : fn.market(values as never),
        spend: fn.spend === undefined ? 0 : fn.spend(values as never),
      },
    }
  } catch (cause) {
    throw engineFault(table.engine, { fn: hosted.name, height: rules.height }, cause)
  }
}
