import { type Command, InvalidArgumentError } from 'commander'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import type { BlockId } from '../../core/primitives/units.ts'
import { homePaths } from '../config/paths.ts'
import { assertHome, readGenesis } from '../home.ts'
import { acquireLock } from '../lock.ts'
import type { ListedSnapshot } from '../snapshots/offline.ts'
import { type CliContext, json, resolveFile, resolveHome } from './context.ts'
import { integerFrom } from './values.ts'

type Flags = { readonly home?: string; readonly json?: true }
type RestoreFlags = Flags & {
  readonly from?: string
  readonly height?: number
  readonly trustHash?: BlockId
}

export function addSnapshotCommand(program: Command, context: CliContext): void {
  const snapshot = program
    .command('snapshot')
    .description('make, list and restore snapshots of the state')
    .addHelpText(
      'after',
      `
A running node makes snapshots by itself with --snapshots-every-blocks, and serves them to nodes
that start with --state-sync-enabled. docs/snapshots.md says what is in one and how it is checked.`,
    )
  addCreate(snapshot, context)
  addList(snapshot, context)
  addRestore(snapshot, context)
}

// Loaded only when they run: the machines take longer to load than most commands.
const offline = () => import('../snapshots/offline.ts')

function addCreate(snapshot: Command, context: CliContext): void {
  snapshot
    .command('create')
    .description('make a snapshot of a stopped node, of its last height that is a multiple of 64')
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  nexus snapshot create --home /var/lib/nexus')
    .action(async (flags: Flags) => {
      const { createSnapshot } = await offline()
      const made = await createSnapshot(homePaths(resolveHome(context, flags.home)), (what) => {
        if (!flags.json) context.writeError(what)
      })
      context.write(flags.json ? json(plain(made)) : lineOf(made))
    })
}

function addList(snapshot: Command, context: CliContext): void {
  snapshot
    .command('list')
    .description('the snapshots of a home, also while its node runs')
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--json', 'print JSON: a list')
    .addHelpText('after', '\nExample:\n  nexus snapshot list --json')
    .action(async (flags: Flags) => {
      const paths = homePaths(resolveHome(context, flags.home))
      assertHome(paths)
      const { listSnapshots } = await offline()
      const found = listSnapshots(paths.snapshots)
      if (flags.json) context.write(json(found.map(plain)))
      else context.write(found.length === 0 ? 'no snapshots' : found.map(lineOf).join('\n'))
    })
}

function addRestore(snapshot: Command, context: CliContext): void {
  snapshot
    .command('restore')
    .description('fill the empty database of a home from a snapshot')
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--from <dir>', 'directory of snapshots (default: that of the home)')
    .option('--height <n>', 'which one (default: the newest)', integerFrom(1, 2 ** 48))
    .option('--trust-hash <id>', 'id of the block of its height, looked up elsewhere', parseId)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Every byte is checked against the roots that the certificate of the next block commits to. What is
trusted is the block that you name, or without one the validators of the genesis, as long as it is
younger than seven days. The node then starts at that height and gets later blocks from its peers.

Example:
  nexus snapshot restore --from /mnt/backup/snapshots --trust-hash 0x5c1f…`,
    )
    .action((flags: RestoreFlags) => restore(flags, context))
}

async function restore(flags: RestoreFlags, context: CliContext): Promise<void> {
  const paths = homePaths(resolveHome(context, flags.home))
  assertHome(paths)
  const root = flags.from === undefined ? paths.snapshots : resolveFile(context, flags.from)
  const { listSnapshots, restoreSnapshot } = await offline()
  const found = listSnapshots(root)
  const chosen = found.findLast(({ height }) => height === (flags.height ?? height))
  if (chosen === undefined)
    throw new NexusError(
      { code: 'SNAPSHOT_MISSING', path: root },
      { message: `${root} holds no such snapshot; it has heights: ${heightsOf(found)}` },
    )
  const { value: genesis } = readGenesis(paths.genesis)
  const lock = acquireLock(paths.lock)
  try {
    const { height } = chosen
    const target = { genesis, directory: paths.database }
    await restoreSnapshot(target, { root, height }, flags.trustHash ?? null)
  } finally {
    lock.release()
  }
  const result = { home: paths.home, ...plain(chosen) }
  context.write(flags.json ? json(result) : `Restored ${paths.home} to ${lineOf(chosen)}`)
}

const heightsOf = (found: readonly ListedSnapshot[]): string =>
  found.length === 0 ? 'none' : found.map(({ height }) => height).join(', ')

const plain = ({ id, blockId, ...rest }: ListedSnapshot) => ({
  ...rest,
  id: `0x${toHex(id)}`,
  blockId: `0x${blockId}`,
})

const lineOf = ({ height, parts, bytes, blockId }: ListedSnapshot): string =>
  `height ${height}  block 0x${blockId}  ${parts} parts, ${bytes} bytes`

function parseId(text: string): BlockId {
  if (/^0x[0-9a-fA-F]{64}$/.test(text)) return text.slice(2).toLowerCase() as BlockId
  throw new InvalidArgumentError('A block id is 0x and 64 hex digits.')
}
