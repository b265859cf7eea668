import { abiEntriesOf } from '../host/abi.ts'
import type { View } from '../host/coprocessor.ts'
import type { EngineHost, HostedFn } from '../host/engineHost.ts'

/** What four bytes of calldata ask for. */
export type Selected =
  | { readonly kind: 'fn'; readonly hosted: HostedFn }
  | { readonly kind: 'view'; readonly name: string; readonly view: View }

/** By selector as a number: looked up at every call. */
export function selectorsOf(host: EngineHost): ReadonlyMap<number, Selected> {
  const { engine, fns } = host
  const selectors = new Map<number, Selected>()
  for (const { kind, name, selector } of abiEntriesOf(engine).values()) {
    const view = engine.views[name]
    const hosted = fns[engine.publicFns[name]?.id ?? -1]
    const key = Number.parseInt(selector, 16)
    if (kind === 'view' && view !== undefined) selectors.set(key, { kind: 'view', name, view })
    if (kind === 'publicFn' && hosted !== undefined) selectors.set(key, { kind: 'fn', hosted })
  }
  return selectors
}
