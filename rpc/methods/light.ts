import { lightBlockOf } from '../format/light.ts'
import { type MethodModules, type MethodTable, method } from '../method.ts'
import { blockNumber, heightOf, LATEST } from '../params/block.ts'
import { optional } from '../params/parameter.ts'

/** What a client needs that has no state of its own and believes no node. */
export function lightMethods({ backend }: MethodModules): MethodTable {
  return {
    /** Null above the latest height and where nothing is kept any more. */
    nexus_getLightBlock: method([optional(blockNumber, LATEST)], (_, block) => {
      const height = heightOf(backend, block)
      const certified = height === null ? null : backend.lightBlock(height)
      return { ok: true, value: certified === null ? null : lightBlockOf(certified) }
    }),
  }
}
