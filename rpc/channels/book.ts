import type { Coprocessor } from '../../core/host/coprocessor.ts'
import type { CoreBackend } from '../coreBackend.ts'
import type { Outcome } from '../outcome.ts'
import type { JsonObject } from '../views.ts'
import type { Source } from './channel.ts'
import { readBook } from './feeds.ts'

/** Best price first. */
type Book = { readonly bids: readonly Level[]; readonly asks: readonly Level[] }
type Level = JsonObject & { readonly price: string }

/**
 * The levels of a market, as deep as the view goes: levels that changed come with their new content,
 * a level that is gone (or out of reach) with size "0".
 */
export function bookSource(
  core: CoreBackend,
  exchange: Coprocessor,
  market: number,
): Outcome<Source> {
  const read = (): Outcome<Book> => {
    const found = readBook(core, exchange, market)
    return found.ok ? { ok: true, value: found.value as unknown as Book } : found
  }
  const first = read()
  if (!first.ok) return first
  let last = first.value
  return {
    ok: true,
    value: {
      snapshot: read,
      gather: () => undefined,
      gatherReceipt: () => undefined,
      flush() {
        const now = read()
        if (!now.ok) return null
        const changes = {
          bids: changed(last.bids, now.value.bids),
          asks: changed(last.asks, now.value.asks),
        }
        last = now.value
        return changes.bids.length + changes.asks.length === 0 ? null : JSON.stringify(changes)
      },
    },
  }
}

/** O(levels). */
function changed(before: readonly Level[], after: readonly Level[]): readonly JsonObject[] {
  const known = new Map(before.map((level) => [level.price, level]))
  const changes: JsonObject[] = []
  for (const level of after) {
    const old = known.get(level.price)
    known.delete(level.price)
    if (old === undefined || JSON.stringify(old) !== JSON.stringify(level)) changes.push(level)
  }
  for (const price of known.keys()) changes.push({ price, size: '0' })
  return changes
}
