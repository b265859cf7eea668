import type { Command } from 'commander'
import { homePaths } from '../config/paths.ts'
import { readLastSigned } from '../consensus/lastSigned.ts'
import { nodeFileSystem } from '../storage/fileSystem.ts'
import { type CliContext, json, resolveHome } from './context.ts'
import { integerFrom } from './values.ts'

type Flags = { readonly home?: string; readonly to: number; readonly json?: true }

export function addRollbackCommand(program: Command, context: CliContext): void {
  program
    .command('rollback')
    .description('bring the database of a stopped node back to an earlier height')
    .requiredOption(
      '--to <height>',
      'the height that is the last one afterwards',
      integerFrom(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
For a node whose state differs from the network's: it goes back before the difference, and block
sync does the heights after it again. Blocks, receipts, state of both machines and the indexes above
the height are removed; the state that comes out is compared with the committed roots, and nothing is
written when it differs. At least the last 128 heights can be undone (ROLLBACK_TOO_FAR names the
limit). A crash on the way loses nothing: run the same command again.

The last signature is never touched. A validator that rolled back does not sign again what it may
have signed before, so going back cannot make it sign twice.

Example:
  nexus rollback --to 120450 --home /var/lib/nexus`,
    )
    .action((flags: Flags) => rollback(flags, context))
}

async function rollback(flags: Flags, context: CliContext): Promise<void> {
  const paths = homePaths(resolveHome(context, flags.home))
  // The machines take longer to load than most commands to run.
  const [{ rollBack }, { withStopped }] = await Promise.all([
    import('../maintenance/rollback.ts'),
    import('../maintenance/stoppedNode.ts'),
  ])
  const report = await withStopped(paths, (node) =>
    rollBack(node, flags.to, (progress) => {
      if (flags.json) return
      context.writeError(
        progress.kind === 'verifying'
          ? `Rebuilding the engines of height ${progress.height} and comparing their root`
          : `At height ${progress.height}`,
      )
    }),
  )
  const signed = await readLastSigned(paths.lastSigned, nodeFileSystem)
  const lastSignedHeight = signed === null || signed.step === 0 ? null : signed.height
  const result = { home: paths.home, ...report, lastSignedHeight }
  context.write(flags.json ? json(result) : textOf(result))
}

type Result = {
  readonly home: string
  readonly from: number
  readonly to: number
  readonly stateRoot: string
  readonly walFilesRemoved: number
  readonly lastSignedHeight: number | null
}

function textOf(result: Result): string {
  const { home, from, to, stateRoot, walFilesRemoved, lastSignedHeight } = result
  const lines = [
    from === to
      ? `The database of ${home} ends at height ${to} already`
      : `Rolled back ${home} from height ${from} to ${to}`,
    `  state root         0x${stateRoot}`,
    `  WAL files removed  ${walFilesRemoved}`,
  ]
  if (lastSignedHeight !== null && lastSignedHeight > to)
    lines.push(
      `This validator has signed up to height ${lastSignedHeight}, and remembers it: it signs nothing again`,
      'of what it may have signed, and takes the decided heights from its peers.',
    )
  if (lastSignedHeight !== null && lastSignedHeight > from)
    lines.push(
      `Its WAL of height ${lastSignedHeight} is gone, and with it what it was locked on: start it again only`,
      `after the network has decided height ${lastSignedHeight}.`,
    )
  lines.push(`Start it with: nexus start --home ${home}`)
  return lines.join('\n')
}
