// Loaded before everything else (`node --import`), in the main thread and in every worker: a node's
// import of its registry gets the one with the authority. Production code has no such door.
import { registerHooks } from 'node:module'

const CHAIN = new URL('../../../node/engines/registry.ts', import.meta.url).href
const OURS = new URL('./chainRegistry.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const isOther = resolved.url !== CHAIN || context.parentURL === OURS
    return isOther ? resolved : { ...resolved, url: OURS }
  },
})
