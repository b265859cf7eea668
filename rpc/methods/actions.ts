import { typedDataOf } from '../../core/host/typedData.ts'
import type { CoreServices } from '../coreServices.ts'
import { locatedActionOf } from '../format/core.ts'
import { data } from '../format/hex.ts'
import { type WireError, wireErrorOf } from '../jsonRpc.ts'
import { type MethodModules, type MethodTable, method, patient } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import { anything, list } from '../params/any.ts'
import { envelopeOf, signedBytesOf } from '../params/envelope.ts'
import { hash } from '../params/hex.ts'
import { optional, required } from '../params/parameter.ts'
import { integerUpTo } from '../params/values.ts'

/** Envelopes in one call: each is one signature to check. */
const MAX_ENVELOPES = 1_000

/** How signed actions get in, and what became of them. */
export function actionMethods({ core, options }: MethodModules): MethodTable {
  if (core === null || core === undefined) return {}
  const { backend } = core
  const { syncMs } = options.limits
  const height = integerUpTo(Number.MAX_SAFE_INTEGER)
  return {
    /** Hex of the canonical signed envelope, or JSON of it with names. The hash. */
    nexus_sendAction: method([required(anything)], (_, json) => send(core, json)),
    /** The same for several, each with its own outcome. */
    nexus_sendActions: method([required(list(MAX_ENVELOPES))], async (_, envelopes) => {
      // Side by side, and in their order: the pool sees them as they were written.
      const outcomes = await Promise.all(envelopes.map((json) => send(core, json)))
      return { ok: true, value: outcomes.map(sentOf) }
    }),
    /** All checks of sending, without sending. */
    nexus_checkAction: method([required(anything)], async (_, json) => {
      const bytes = signedBytesOf(backend.engines, json)
      if (!bytes.ok) return bytes
      const admitted = await backend.wouldAdmit(bytes.value)
      return admitted.ok ? { ok: true, value: data(admitted.value) } : admitted
    }),
    nexus_getActionReceipt: method([required(hash)], (_, wanted) => receipt(core, wanted)),
    nexus_waitForAction: patient(
      method([required(hash), optional(integerUpTo(syncMs), syncMs)], (_, wanted, timeoutMs) =>
        wait(core, wanted, timeoutMs),
      ),
    ),
    /** The receipts of a block, in its order. */
    nexus_getBlockActions: method([required(height)], (_, at) => {
      const located = backend.actions(at)
      return { ok: true, value: located?.map((one) => locatedActionOf(backend, one)) ?? null }
    }),
    /** What a wallet signs for an envelope: the parameter of `eth_signTypedData_v4`. */
    nexus_typedData: method([required(anything)], (_, json) => {
      const unsigned = envelopeOf(backend.engines, json)
      if (!unsigned.ok) return unsigned
      const { envelope, form } = unsigned.value
      const typed = typedDataOf(envelope, form, backend.engines)
      return typed.ok ? typed : fail({ code: 'BAD_ENVELOPE', problem: typed.code })
    }),
  }
}

async function send({ backend }: CoreServices, json: unknown): Promise<Outcome<string>> {
  const bytes = signedBytesOf(backend.engines, json)
  if (!bytes.ok) return bytes
  const submitted = await backend.submitAction(bytes.value)
  return submitted.ok ? { ok: true, value: data(submitted.value) } : submitted
}

type Sent = { readonly hash: string } | { readonly error: WireError }

const sentOf = (outcome: Outcome<string>): Sent =>
  outcome.ok ? { hash: outcome.value } : { error: wireErrorOf(outcome.failure) }

function receipt({ backend }: CoreServices, wanted: Uint8Array) {
  const located = backend.receipt(wanted)
  return { ok: true as const, value: located === null ? null : locatedActionOf(backend, located) }
}

async function wait(
  core: CoreServices,
  wanted: Uint8Array,
  timeoutMs: number,
): Promise<Outcome<unknown>> {
  const found = await core.waiters.wait(wanted, timeoutMs)
  return found ? receipt(core, wanted) : fail({ code: 'ACTION_TIMED_OUT', hash: wanted, timeoutMs })
}
