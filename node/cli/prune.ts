import { type Command, Option } from 'commander'
import { NexusError } from '../../core/primitives/errors.ts'
import type { PrunePlan } from '../maintenance/prune.ts'
import { type CliContext, json } from './context.ts'
import { formatBytes, table } from './units.ts'
import { integerFrom } from './values.ts'

type Flags = {
  readonly home?: string
  readonly keep?: number
  readonly below?: number
  readonly dryRun?: true
  readonly json?: true
}

const WHY: { readonly [B in PrunePlan['bound']]: string } = {
  requested: 'as asked',
  evidence: 'evidence of signing twice counts for this long (genesis: evidenceMaxAge…)',
  lightClients:
    'light clients and joining nodes verify from blocks this old (storage.lightBlockMs)',
  snapshot: 'the oldest snapshot here: who restores it needs the blocks after it',
  stateHistory: 'past states that answer queries need their blocks (storage.historyBlocks)',
  engineHistory: 'the engines are rebuilt from blocks since their oldest kept checkpoint',
}

export function addPruneCommand(program: Command, context: CliContext): void {
  const height = integerFrom(1, Number.MAX_SAFE_INTEGER)
  program
    .command('prune')
    .description('delete old blocks, receipts and indexes of a stopped node')
    .addOption(
      new Option('--keep <n>', 'keep this many of the newest blocks')
        .argParser(height)
        .conflicts('below'),
    )
    .option('--below <height>', 'delete what is below this height', height)
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--dry-run', 'say what would go, and change nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Deleted are blocks, certificates, receipts, the index of transactions, and changes of past states.
The present state is never touched. Never deleted is what something still needs, whatever is asked:
evidence, light clients, snapshots, past states within storage.historyBlocks, and what the engines are
rebuilt from; every limit is printed. Peers that sync from the beginning need a node that prunes
nothing, or a snapshot.

A running node does the same by itself with storage.retainBlocks. Compaction of the files afterwards
needs as much free disk as the largest part of the database.

Examples:
  nexus prune --keep 100000 --dry-run
  nexus prune --below 1200000 --home /var/lib/nexus`,
    )
    .action((flags: Flags) => prune(flags, context))
}

async function prune(flags: Flags, context: CliContext): Promise<void> {
  const { keep, below } = flags
  if (keep === undefined && below === undefined)
    throw new NexusError(
      { code: 'PRUNE_WITHOUT_LIMIT' },
      { message: 'neither --keep nor --below was given' },
    )
  const [{ configOfHome }, { withStopped }, maintenance, { diskUse }, { compactDatabase }] =
    await Promise.all([
      import('./nodeClient.ts'),
      import('../maintenance/stoppedNode.ts'),
      import('../maintenance/prune.ts'),
      import('../maintenance/diskUse.ts'),
      import('../storage/levelTools.ts'),
    ])
  const { paths, storage } = configOfHome(context, flags.home)
  const say = (text: string): void => {
    if (!flags.json) context.writeError(text)
  }
  const before = diskUse(paths).databaseBytes
  const request =
    keep === undefined
      ? ({ kind: 'below', height: below as number } as const)
      : ({ kind: 'keep', blocks: keep } as const)
  const plan = await withStopped(paths, async (node) => {
    const { lightBlockMs, historyBlocks } = storage
    const planned = maintenance.planPrune(node, { request, lightBlockMs, historyBlocks })
    if (flags.dryRun) return planned
    await maintenance.prune(node, planned, ({ start, of }) =>
      say(`Begins at height ${start} of ${of}`),
    )
    say('Compacting the files')
    await compactDatabase(paths.database)
    return planned
  })
  const after = diskUse(paths).databaseBytes
  const result = { ...plan, dryRun: flags.dryRun === true, bytesBefore: before, bytesAfter: after }
  context.write(flags.json ? json(result) : textOf(result))
}

type Result = PrunePlan & {
  readonly dryRun: boolean
  readonly bytesBefore: number
  readonly bytesAfter: number
}

function textOf(result: Result): string {
  const { from, to, height, bound, bounds, historyFrom, historyTo, dryRun } = result
  const [will, done] = dryRun ? ['would be', 'Would prune'] : ['was', 'Pruned']
  const lines =
    to === from
      ? [`Nothing ${will} deleted: the database begins at height ${from} of ${height}`]
      : [
          `${done} heights ${from} to ${to}; the database ${dryRun ? 'would begin' : 'begins'} at ${to} of ${height}`,
        ]
  lines.push(`Not further because of ${bound}: ${WHY[bound]}.`, 'Limits:')
  lines.push(
    table(bounds.map(({ bound: name, height: at }) => [name, `up to ${at}: ${WHY[name]}`])),
  )
  if (historyTo > historyFrom)
    lines.push(`Past states ${will} kept from ${historyTo} on, before from ${historyFrom}`)
  if (!dryRun)
    lines.push(
      `Files: ${formatBytes(result.bytesBefore)} before, ${formatBytes(result.bytesAfter)} after`,
    )
  return lines.join('\n')
}
