// node test/sim/killLoop.ts [--count N] [--seed N] [--limit SECONDS] [--json]: SIGKILLs random validators of a
// real devnet under load; each must be back within the limit (60).
import { parseArgs } from 'node:util'
import { disposeAll } from '../support/devnet.ts'
import { runKillLoop } from '../support/killLoop.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    limit: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
})

try {
  const report = await runKillLoop({
    count: Number(values.count),
    seed: Number(values.seed),
    recoveryLimitMs: 1_000 * Number(values.limit),
    onKill: (kill) => {
      if (!values.json)
        console.log(
          `${kill.number}: validator ${kill.node}${kill.twice ? ' twice' : ''}, height ${kill.height}, back in ${kill.recoveryMs} ms`,
        )
    },
  })
  console.log(JSON.stringify(report, null, values.json ? 0 : 2))
  process.exitCode = report.faults.length === 0 ? 0 : 1
} finally {
  disposeAll()
}
