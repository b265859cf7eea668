import '../nativeHash.ts'
import { encode } from '../../core/primitives/codec.ts'
import { coreRegistry } from '../engines/registry.ts'
import { NICE, yieldToConsensus } from '../threads/priority.ts'
import { ActionDecoder } from './actionDecoder.ts'
import { recover, recoveredCodec } from './recovered.ts'
import type { RecoverRequest } from './senderRecovery.ts'

yieldToConsensus(NICE.background)
let decoder: { readonly chainId: number; readonly actions: ActionDecoder } | null = null

/** A thread serves one chain for all its life. */
function decoderOf(chainId: number): ActionDecoder {
  if (decoder?.chainId !== chainId) {
    const { engines } = coreRegistry
    decoder = { chainId, actions: new ActionDecoder({ chainId, engines }) }
  }
  return decoder.actions
}

export default function recoverAll({ transactions, rules }: RecoverRequest): Uint8Array {
  const decoders = { rules, actions: decoderOf(rules.chainId) }
  return encode(
    recoveredCodec,
    transactions.map((bytes) => recover(bytes, decoders)),
  )
}
