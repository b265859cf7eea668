import { type Envelope, signedEnvelopeCodec } from '../chain/action.ts'
import {
  baseGasOf,
  type EnvelopeRules,
  type PreparedCall,
  prepareEnvelope,
} from '../host/envelope.ts'
import { gasFor, JUNK_CALL_GAS } from '../host/gas.ts'
import type { Admitted } from '../host/ledgerPort.ts'
import type { CallOutcome } from '../host/runner.ts'
import type { Runtime } from '../host/runtime.ts'
import { EMPTY_BYTES, equalBytes } from '../primitives/bytes.ts'
import { decode } from '../primitives/codec.ts'
import { keccak256 } from '../primitives/hash.ts'
import { ok, type Result, reject } from '../primitives/result.ts'
import type { ActionInput } from './types.ts'

/** An envelope on its way through the block. */
export type Entry = {
  readonly hash: Uint8Array
  /** Null when its bytes are not an envelope. */
  readonly envelope: Envelope | null
  readonly state: Refused | Running
}
type Refused = { readonly kind: 'refused'; readonly code: string }
export type Running = {
  readonly kind: 'running'
  readonly envelope: Envelope
  readonly admitted: Admitted
  readonly calls: readonly PreparedCall[]
  /** By call; filled in as the batches come back. */
  readonly outcomes: (CallOutcome | undefined)[]
  /** Core gas that its fee pays for. */
  readonly gasLimit: number
}

/** Admits a block's actions one after the other, each against the state the ones before left. */
export class Admissions {
  readonly #runtime: Runtime
  readonly #chainId: number
  readonly #rules: EnvelopeRules
  #gasLeft: number

  constructor(
    runtime: Runtime,
    options: { readonly chainId: number; readonly gasLeft: number; readonly gasPrice: number },
  ) {
    this.#runtime = runtime
    this.#chainId = options.chainId
    this.#gasLeft = options.gasLeft
    this.#rules = {
      tableOf: (engine) => runtime.hostOf(engine),
      names: runtime.names,
      gasPrice: options.gasPrice,
      height: runtime.context.height,
    }
  }

  enter({ bytes, signer }: ActionInput): Entry {
    const hash = keccak256(bytes)
    const signed = decode(signedEnvelopeCodec, bytes)
    if (!signed.ok) return { hash, envelope: null, state: refused('MALFORMED') }
    const { envelope } = signed.value
    const admitted = this.#admit(envelope, signer)
    return { hash, envelope, state: admitted.ok ? admitted.value : refused(admitted.code) }
  }

  #admit(envelope: Envelope, signer: Uint8Array | null): Result<Running, string> {
    if (envelope.chainId !== this.#chainId) return reject('WRONG_CHAIN')
    if (signer === null || !equalBytes(signer, envelope.signer)) return reject('BAD_SIGNATURE')
    const prepared = prepareEnvelope(this.#rules, envelope)
    if (!prepared.ok) return prepared
    const { calls, admission, baseGas } = prepared.value
    if (baseGas > this.#gasLeft) return reject('BLOCK_FULL')
    const { ledger, ledgerHost, context } = this.#runtime
    const admitted = ledger.admit(ledgerHost.state, admission, context.time)
    if (!admitted.ok) return admitted
    this.#gasLeft -= baseGas
    const gasLimit = gasFor(envelope.maxFee, this.#rules.gasPrice)
    const outcomes = outcomesOf(calls, envelope.atomic)
    return ok({
      kind: 'running',
      envelope,
      admitted: admitted.value,
      calls,
      outcomes,
      gasLimit,
    })
  }
}

const refused = (code: string): Refused => ({ kind: 'refused', code })

/** What is known before anything runs: calls that name nothing, and what falls with them. */
function outcomesOf(calls: readonly PreparedCall[], atomic: boolean): (CallOutcome | undefined)[] {
  const falls = atomic && calls.some((call) => call.kind === 'refused')
  return calls.map((call) => {
    if (call.kind === 'refused') {
      return { code: call.code, gasUsed: JUNK_CALL_GAS, result: EMPTY_BYTES }
    }
    return falls ? { code: 'ATOMIC_REVERTED', gasUsed: 0, result: EMPTY_BYTES } : undefined
  })
}

/** Base gas of the calls that still wait, of one engine or of all others. */
export function waitingGas(entry: Running, concerns: (engine: number) => boolean): number {
  let gas = 0
  entry.calls.forEach((call, i) => {
    const engine = (entry.envelope.actions[i] as { engine: number }).engine
    if (entry.outcomes[i] === undefined && concerns(engine)) gas += baseGasOf(call)
  })
  return gas
}
