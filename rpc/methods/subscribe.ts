import type { MethodModules, MethodTable } from '../method.ts'
import { method } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import { anything } from '../params/any.ts'
import { string } from '../params/hex.ts'
import { logFilter } from '../params/logFilter.ts'
import { bad, optional, type Parsed, required } from '../params/parameter.ts'
import type { Wanted } from '../subscriptions.ts'

/** `eth_subscribe` and its end; over WebSocket only. */
export function subscriptionMethods(_: MethodModules): MethodTable {
  return {
    eth_subscribe: method(
      [required(string), optional(anything, null)],
      ({ subscriber }, kind, option): Outcome<string> => {
        if (subscriber === null) return fail({ code: 'NOTIFICATIONS_UNSUPPORTED' })
        const wanted = wantedOf(kind, option)
        return wanted.ok
          ? subscriber.subscribe(wanted.value)
          : fail({ code: 'INVALID_PARAMS', problem: wanted.problem })
      },
    ),
    eth_unsubscribe: method([required(string)], ({ subscriber }, id): Outcome<boolean> => {
      if (subscriber === null) return fail({ code: 'NOTIFICATIONS_UNSUPPORTED' })
      return subscriber.unsubscribe(id)
        ? { ok: true, value: true }
        : fail({ code: 'SUBSCRIPTION_NOT_FOUND' })
    }),
  }
}

function wantedOf(kind: string, option: unknown): Parsed<Wanted> {
  switch (kind) {
    case 'newHeads':
    case 'syncing':
      return { ok: true, value: { kind } }
    case 'newPendingTransactions':
      if (option !== null && typeof option !== 'boolean')
        return bad('invalid argument 1: expected true or false')
      return { ok: true, value: { kind, isFull: option === true } }
    case 'logs': {
      // Block numbers of the filter mean nothing here: logs are those of blocks to come.
      const parsed = logFilter(option ?? {})
      if (!parsed.ok) return bad(`invalid argument 1: ${parsed.problem}`)
      return { ok: true, value: { kind, criteria: parsed.value.criteria } }
    }
    default:
      return bad(`no "${kind}" subscription in eth namespace`)
  }
}
