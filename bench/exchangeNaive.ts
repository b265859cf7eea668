import { performance } from 'node:perf_hooks'
import { ORDER_ROWS } from '../coprocessors/exchange/limits.ts'
import { createNaiveBook } from '../test/support/naiveBook.ts'
import { benchMarket, type Call, fundsOf, type Tape } from './exchangeFlow.ts'

type Naive = ReturnType<typeof createNaiveBook>

/** Above this, filling the naive book alone would take minutes. */
const MOST_RESTING = 10_000
const MILLISECONDS = 2_000

/** The same calls on plain objects, for at most two seconds; null where the book would be too large. */
export function naivePerSecond(setup: Tape, flow: Tape, accounts: number): number | null {
  if (setup.length > 2 * MOST_RESTING) return null
  const naive = createNaiveBook([benchMarket], { orders: 2 ** 20, timers: 2 ** 17 })
  naive.state.time = 20_000 * 86_400_000
  for (let account = 1; account <= accounts; account++) {
    for (const asset of [0, benchMarket.base]) naive.credit(account, asset, fundsOf(accounts))
  }
  for (let i = 0; i < setup.length; i++) run(naive, setup.at(i))
  naive.takeEvents()
  const begun = performance.now()
  let done = 0
  for (let i = 0; i < flow.length; i++) {
    run(naive, flow.at(i))
    done++
    if (performance.now() - begun > MILLISECONDS) break
  }
  return Math.round((done * 1_000) / (performance.now() - begun))
}

/** The naive book names an order by the sequence that its id carries. */
function run(naive: Naive, { fn, account, args }: Call): void {
  const { orderId = 0 } = args
  const wanted = (order: { id: number }): boolean => order.id === Math.floor(orderId / ORDER_ROWS)
  if (fn === 'placeOrder') naive.place(account, args as unknown as Parameters<Naive['place']>[1])
  else if (fn === 'cancel') naive.cancel(account, 0, wanted)
  else naive.amend(account, args as unknown as Parameters<Naive['amend']>[1], wanted)
}
