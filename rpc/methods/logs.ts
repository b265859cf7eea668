import { rangeOf } from '../filters.ts'
import { LogMatcher, searchLogs } from '../logSearch.ts'
import { heavy, type MethodModules, type MethodTable, method } from '../method.ts'
import { string } from '../params/hex.ts'
import { logFilter } from '../params/logFilter.ts'
import { required } from '../params/parameter.ts'

/** Logs, and the filters that are asked again and again. */
export function logMethods({ backend, filters, options }: MethodModules): MethodTable {
  const { limits } = options
  const id = required(string)
  return {
    eth_getLogs: heavy(
      method([required(logFilter)], async ({ deadline }, wanted) => {
        const range = rangeOf(backend, wanted)
        if (!range.ok) return range
        const matcher = new LogMatcher(wanted.criteria)
        return searchLogs(backend, { matcher, range: range.value, limits, deadline })
      }),
    ),
    eth_newFilter: method([required(logFilter)], (_, wanted) => filters.installLogs(wanted)),
    eth_newBlockFilter: method([], () => filters.installBlocks()),
    eth_newPendingTransactionFilter: method([], () => filters.installPendingTransactions()),
    eth_getFilterChanges: heavy(
      method([id], ({ deadline }, filter) => filters.changes(filter, deadline)),
    ),
    eth_getFilterLogs: heavy(
      method([id], ({ deadline }, filter) => filters.logs(filter, deadline)),
    ),
    eth_uninstallFilter: method([id], (_, filter) => ({
      ok: true,
      value: filters.uninstall(filter),
    })),
  }
}
