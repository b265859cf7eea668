import type { ActionReceipt, CallReceipt, Envelope } from '../../core/chain/action.ts'
import { decodeOutside } from '../../core/host/fieldCodec.ts'
import { toJson } from '../../core/host/fieldJson.ts'
import type { Fields } from '../../core/host/fields.ts'
import type { CoreBackend, LocatedAction } from '../coreBackend.ts'
import { data } from './hex.ts'

/** Heights, times, nonces, gas and fees are below 2^53 and JSON numbers; `int` fields of engines are decimal strings. */
export const actionReceiptOf = (
  core: CoreBackend,
  receipt: ActionReceipt,
  envelope: Envelope | null,
) => ({
  hash: data(receipt.hash),
  signer: data(receipt.signer),
  owner: data(receipt.owner),
  nonce: receipt.nonce,
  code: receipt.code,
  fee: receipt.fee,
  calls: receipt.calls.map((call, index) => callOf(core, call, envelope?.actions[index] ?? null)),
})

export const locatedActionOf = (core: CoreBackend, located: LocatedAction) => ({
  ...actionReceiptOf(core, located.receipt, located.envelope),
  height: located.height,
  index: located.index,
  blockId: `0x${located.blockId}`,
})

/** `result` is canonical bytes, which whoever made the call can read; with the envelope at hand so can everybody. */
function callOf(core: CoreBackend, call: CallReceipt, action: Envelope['actions'][number] | null) {
  const { code, gasUsed } = call
  const plain = { code, gasUsed, result: data(call.result) }
  const engine = core.engines.find(({ id }) => id === action?.engine)
  const entry = Object.entries(engine?.publicFns ?? {}).find(([, { id }]) => id === action?.fn)
  if (engine === undefined || entry === undefined) return plain
  const [fn, { result }] = entry
  const decoded = code === null ? decodeOutside(result as Fields, call.result) : null
  return {
    ...plain,
    engine: engine.name,
    fn,
    value: decoded?.ok === true ? toJson(result as Fields, decoded.value) : null,
  }
}
