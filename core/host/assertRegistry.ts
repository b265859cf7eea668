import { assert } from '../primitives/assert.ts'
import { LIMITS } from '../primitives/limits.ts'
import { type Coprocessor, ENGINE } from './coprocessor.ts'
import { faultsOf } from './describe.ts'
import { HOST_CODES } from './hostCodes.ts'
import type { Registry } from './registry.ts'

/** Halts on a registry that no chain can run with. */
export function assertRegistry({ engines, ledger, messenger }: Registry): void {
  assert(engines.length <= LIMITS.coprocessors, `at most ${LIMITS.coprocessors} engines`)
  let before = -1
  for (const engine of engines) {
    const { id, name } = engine
    assert(Number.isInteger(id) && id < LIMITS.coprocessors, `${name}: id is below the limit`)
    assert(id > before, `${name}: ids are unique and ascend`)
    before = id
    assertEngine(engine)
  }
  const names = new Set(engines.map((engine) => engine.name))
  assert(names.size === engines.length, 'engine names are unique')
  for (const { id, name, publicFns } of engines) {
    // Whatever enters from the EVM enters the ledger: no other engine can account for it.
    const payable = Object.values(publicFns).some((fn) => fn.payable === true)
    assert(!payable || id === ledger.engine, `${name}: only the ledger takes native coin`)
  }
  const drivers = engines.filter((engine) => engine.validators !== undefined)
  assert(drivers.length <= 1, 'one engine drives the validator set')
  const has = (id: number): boolean => engines.some((engine) => engine.id === id)
  assert(has(ledger.engine), 'the ledger is registered')
  assert(
    has(ENGINE.messenger) === (messenger !== undefined),
    'the messenger and its port come together',
  )
}

function assertEngine(engine: Coprocessor): void {
  const { name, publicFns, views, events, schema } = engine
  const faults = faultsOf(engine)
  assert(faults.length === 0, `${name}: ${faults.join('; ')}`)
  for (const [fn, { gas }] of [...Object.entries(publicFns), ...Object.entries(views)]) {
    assert(!(fn in Object.prototype), `${name}.${fn}: a name of its own`)
    assert(Number.isSafeInteger(gas) && gas > 0, `${name}.${fn}: gas is a positive integer`)
  }
  assert(Object.keys(events).length <= 256, `${name}: the kind of an event fits a byte`)
  const tables = Object.values(schema).filter((entry) => entry.kind === 'table')
  for (const entry of Object.values(schema)) {
    if (entry.kind === 'table') continue
    assert(tables.includes(entry.table), `${name}: an index is of a table of its schema`)
  }
}

/** Codes that a call of the engine may end with: its own and the host's. */
export const codesOf = (engine: Coprocessor): ReadonlySet<string> =>
  new Set([...HOST_CODES, ...engine.codes])
