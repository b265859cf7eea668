import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { Fields } from '../../core/host/fields.ts'
import type { CoreEvent } from '../coreBackend.ts'

/** Whom an event concerns. */
export type Audience = {
  /** Null: no market. */
  readonly market: number | null
  /** Ledger ids, each once. */
  readonly accounts: readonly number[]
}

type Route = { readonly hasMarket: boolean; readonly accountFields: readonly string[] }

/** Where an event goes follows from its fields: `market`, and every field that is an account. */
export class EventRoutes {
  readonly #routes: ReadonlyMap<number, ReadonlyMap<string, Route>>

  constructor(engines: readonly Coprocessor[]) {
    this.#routes = new Map(
      engines.map(({ id, events }) => [
        id,
        new Map(Object.entries(events).map(([kind, fields]) => [kind, routeOf(fields)])),
      ]),
    )
  }

  of({ engine, event }: CoreEvent): Audience {
    const route = this.#routes.get(engine)?.get(event.kind)
    if (route === undefined) return NOBODY
    const accounts: number[] = []
    for (const field of route.accountFields) {
      const account = event[field] as number
      if (account !== 0 && !accounts.includes(account)) accounts.push(account)
    }
    return { market: route.hasMarket ? (event.market as number) : null, accounts }
  }
}

const NOBODY: Audience = { market: null, accounts: [] }

const routeOf = (fields: Fields): Route => ({
  hasMarket: fields.market !== undefined,
  accountFields: Object.entries(fields)
    .filter(([, { kind }]) => kind === 'account')
    .map(([name]) => name),
})
