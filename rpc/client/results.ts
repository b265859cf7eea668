import { decodeOutside } from '../../core/host/fieldCodec.ts'
import { parseHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { Action } from './engines.ts'
import { type Hex, type Outputs, outputOf } from './values.ts'

export type CallResult<A extends Action = Action> = {
  /** `exchange.placeOrder`. */
  readonly name: string
  /** Null on success. */
  readonly code: string | null
  readonly gasUsed: number
  /** Null on a rejection. */
  readonly result: Outputs<A['resultFields']> | null
}

export type ActionResult<A extends readonly Action[]> = {
  readonly hash: Hex
  readonly height: number
  /** The envelope itself was refused: no call ran. */
  readonly code: string | null
  /** In USDX units. */
  readonly fee: number
  /** One for each action, in order. */
  readonly calls: { readonly [I in keyof A]: CallResult<A[I]> }
}

type ReceiptJson = {
  readonly hash: Hex
  readonly height: number
  readonly code: string | null
  readonly fee: number
  readonly calls: readonly {
    readonly code: string | null
    readonly gasUsed: number
    readonly result: string
  }[]
}

/** Reads the results by the actions that were signed: the receipt alone has bytes only. */
export function actionResultOf<const A extends readonly Action[]>(
  json: unknown,
  actions: A,
): ActionResult<A> {
  const { hash, height, code, fee, calls } = json as ReceiptJson
  const results = calls.map((call, index) => {
    const action = actions[index]
    if (action === undefined) throw new NexusError({ code: 'BAD_ANSWER', hash })
    const { name } = action
    const result = call.code === null ? resultOf(action, call.result) : null
    return { name, code: call.code, gasUsed: call.gasUsed, result }
  })
  return { hash, height, code, fee, calls: results as unknown as ActionResult<A>['calls'] }
}

function resultOf({ resultFields }: Action, hex: string): Outputs<Action['resultFields']> {
  const bytes = parseHex(hex)
  const decoded = bytes.ok ? decodeOutside(resultFields, bytes.value) : bytes
  if (!decoded.ok) throw new NexusError({ code: 'BAD_ANSWER', reason: decoded.code })
  return outputOf(resultFields, decoded.value)
}
