// The registry of the engine contract, and the authority.
import { asEngine, type Registry } from '../../../core/host/registry.ts'
import { authority } from './authority.ts'
import { coreRegistry as smallRegistry } from './registry.ts'

export const coreRegistry: Registry = {
  ...smallRegistry,
  engines: [...smallRegistry.engines, asEngine(authority)],
}
