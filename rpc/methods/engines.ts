import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { Fields } from '../../core/host/fields.ts'
import { EXCHANGE, LEDGER, openOrders, readBalances } from '../channels/feeds.ts'
import type { CoreBackend } from '../coreBackend.ts'
import { engineOf, viewMethod } from '../format/engine.ts'
import { data } from '../format/hex.ts'
import { rowProofOf } from '../format/rowProof.ts'
import { heavy, type Method, type MethodModules, type MethodTable, method } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import { address, string } from '../params/hex.ts'
import { required } from '../params/parameter.ts'
import { type RowPlace, rowAt, rowPlace } from '../params/rowPlace.ts'
import { engineNamed, readView } from '../views.ts'

/** What the engines are and what they hold. */
export function engineMethods({ core }: MethodModules): MethodTable {
  if (core === null || core === undefined) return {}
  const { backend } = core
  const described = backend.engines.map(engineOf)
  const views = backend.engines.flatMap((engine) =>
    Object.keys(engine.views).map((view) => [
      viewMethod(engine, view),
      viewOf(backend, engine, view),
    ]),
  )
  return {
    ...(Object.fromEntries(views) as MethodTable),
    nexus_engines: method([], () => ({ ok: true, value: described })),
    /** What an address has and may do, of all engines at once. */
    nexus_account: heavy(method([required(address)], (_, owner) => accountOf(backend, owner))),
    /** That an engine's state holds a row, down to the validators' signatures. A row is a number, or `{ index, key }`. */
    nexus_getProof: heavy(
      method([required(string), required(string), required(rowPlace)], (_, name, table, row) =>
        prove(backend, { name, table, row }),
      ),
    ),
  }
}

/** Arguments by position, or as one object by name. */
function viewOf(core: CoreBackend, engine: Coprocessor, name: string): Method {
  const names = Object.keys((engine.views[name]?.args ?? {}) as Fields)
  return {
    isHeavy: false,
    isPatient: false,
    run: (params) => {
      const [only] = params
      const isNamed = params.length === 1 && typeof only === 'object' && !Array.isArray(only)
      if (isNamed) return readView(core, engine, name, only)
      if (params.length > names.length)
        return invalid(`too many arguments, want at most ${names.length}`)
      const missing = names[params.length]
      if (missing !== undefined) return invalid(`missing ${missing}`)
      const args = Object.fromEntries(names.map((argument, index) => [argument, params[index]]))
      return readView(core, engine, name, args)
    },
  }
}

function accountOf(core: CoreBackend, owner: Uint8Array): Outcome<unknown> {
  const [ledger, exchange] = [engineNamed(core, LEDGER), engineNamed(core, EXCHANGE)]
  const address = data(owner)
  const account = ledger === null ? null : readView(core, ledger, 'account', { address })
  const orders =
    exchange === null ? { ok: true as const, value: [] } : openOrders(core, exchange, owner)
  if (!orders.ok) return orders
  return {
    ok: true,
    value: {
      address,
      exists: core.names.idOf(owner) !== 0,
      account: account?.ok === true ? account.value : null,
      balances: readBalances(core, owner),
      openOrders: orders.value.length,
    },
  }
}

async function prove(
  core: CoreBackend,
  wanted: { readonly name: string; readonly table: string; readonly row: RowPlace },
): Promise<Outcome<unknown>> {
  const engine = engineNamed(core, wanted.name)
  if (engine === null) return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_ENGINE' })
  const table = Object.hasOwn(engine.schema, wanted.table) ? engine.schema[wanted.table] : undefined
  if (table?.kind !== 'table') return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_TABLE' })
  const row = rowAt(core, engine, { table, place: wanted.row })
  if (row === 0 || row >= table.capacity)
    return fail({ code: 'CORE_REJECTED', reject: 'UNKNOWN_ROW' })
  const proof = await core.proof(engine.id, wanted.table, row)
  if (!proof.ok) return proof
  const where = { engine: wanted.name, index: core.engines.indexOf(engine) }
  return { ok: true, value: rowProofOf(where, proof.value) }
}

const invalid = (problem: string) => fail({ code: 'INVALID_PARAMS', problem })
