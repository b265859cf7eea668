import type { Command } from 'commander'
import { NexusError } from '../../core/primitives/errors.ts'
import { parseAddress } from '../../genesis/index.ts'
import { type CliContext, EXIT, json } from './context.ts'
import { formatBytes } from './units.ts'
import { integerFrom } from './values.ts'

type Flags = { readonly home?: string; readonly json?: true; readonly height?: number }

const HEIGHT = integerFrom(0, Number.MAX_SAFE_INTEGER)

export function addInspectCommand(program: Command, context: CliContext): void {
  const inspect = program
    .command('inspect')
    .description('look into the files of a node: WAL, blocks, state')
    .addHelpText(
      'after',
      '\nNothing is changed. Blocks and state need a stopped node; a block is asked of the running one.',
    )
  const kind = (name: string, description: string): Command =>
    inspect
      .command(name)
      .description(description)
      .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
      .option('--json', 'print JSON')
  kind('wal', 'every record of the consensus WALs, and exactly what is damaged (exit code 1)')
    .option('--height <n>', 'of this height only', HEIGHT)
    .addHelpText(
      'after',
      `
With --json one object a line: header, height (of what follows), input, block, free (zeros, nothing was
written there), damage (offset, bytes, reason). The newest file ends in free space; damage at the very end is
what a crash in the middle of a write leaves, and is cut off at the next start. Damage with records
of its height after it stops the node with WAL_CORRUPT.

Examples:
  nexus inspect wal --home /var/lib/nexus
  nexus inspect wal --height 1205 --json`,
    )
    .action((flags: Flags) => inspectWal(flags, context))
  kind('block', 'header, payload, certificate and receipts of a block')
    .argument('<block>', 'a height, an Ethereum hash, a block id, or latest')
    .addHelpText(
      'after',
      '\nExamples:\n  nexus inspect block latest\n  nexus inspect block 1204 --json\n  nexus inspect block 0x5ac4…',
    )
    .action((block: string, flags: Flags) => inspectBlock(block, flags, context))
  kind('state', 'roots and sizes, an account, or a row of an engine, of a stopped node')
    .argument('[what]', 'summary, the address of an account, or engine.table', 'summary')
    .argument('[row]', 'number of the row, with engine.table', integerFrom(1, 2 ** 32 - 1))
    .option('--height <n>', 'as of an earlier height, as far as its history is kept', HEIGHT)
    .addHelpText(
      'after',
      `
The engines are rebuilt from what is stored, as a start does, and compared with the committed root.

Examples:
  nexus inspect state
  nexus inspect state 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --height 1100
  nexus inspect state ledger.accounts 1 --json`,
    )
    .action((what: string, row: number | undefined, flags: Flags) =>
      inspectState(what, row, flags, context),
    )
}

async function inspectWal(flags: Flags, context: CliContext): Promise<void> {
  const [{ configOfHome }, { inspectWals }, { nodeFileSystem }] = await Promise.all([
    import('./nodeClient.ts'),
    import('../maintenance/inspectWal.ts'),
    import('../storage/fileSystem.ts'),
  ])
  const { paths } = configOfHome(context, flags.home)
  let [lines, damaged] = [0, 0]
  for await (const line of inspectWals(paths.wal, nodeFileSystem, flags.height ?? null)) {
    lines++
    if (line.kind === 'damage') damaged++
    context.write(flags.json ? JSON.stringify(line) : walText(line))
  }
  if (lines === 0 && !flags.json) context.write(`${paths.wal} holds no WAL of that height`)
  if (damaged > 0) context.setExitCode(EXIT.failed)
}

type WalLine = import('../maintenance/inspectWal.ts').WalLine

function walText(line: WalLine): string {
  const at = String(line.offset).padStart(10)
  switch (line.kind) {
    case 'header':
      return `${line.file}: from height ${line.height}, chain ${line.chainId}, ${formatBytes(line.bytes)}`
    case 'height':
      return `${at}  height ${line.height}`
    case 'input':
      return `${at}  ${line.summary}`
    case 'block':
      return `${at}  block ${line.summary}`
    case 'free':
      return `${at}  free, ${formatBytes(line.bytes)}`
    case 'damage':
      return `${at}  DAMAGED, ${line.bytes} bytes: ${line.reason}`
  }
}

async function inspectBlock(block: string, flags: Flags, context: CliContext): Promise<void> {
  const { parseBlockName, inspectBlock: inspectStored } = await import(
    '../maintenance/inspectBlock.ts'
  )
  const name = parseBlockName(block)
  if (name === null)
    throw new NexusError(
      { code: 'BLOCK_NAME', block },
      { message: `${block} is neither a height, nor 32 bytes as hexadecimal digits, nor latest` },
    )
  const { configOfHome } = await import('./nodeClient.ts')
  const config = configOfHome(context, flags.home)
  const { lockHolder } = await import('../lock.ts')
  if (lockHolder(config.paths.lock) === null) {
    const { withStopped } = await import('../maintenance/stoppedNode.ts')
    const found = await withStopped(config.paths, async (node) => inspectStored(node, name))
    return context.write(show({ source: 'database', ...found }, flags))
  }
  const { blockOfRunningNode } = await import('./runningBlock.ts')
  if (!flags.json) context.writeError('The node runs: asking it over RPC, which shows less.')
  context.write(show({ source: 'rpc', ...(await blockOfRunningNode(config, name)) }, flags))
}

async function inspectState(
  what: string,
  row: number | undefined,
  flags: Flags,
  context: CliContext,
): Promise<void> {
  const [{ configOfHome }, { withStopped }, state] = await Promise.all([
    import('./nodeClient.ts'),
    import('../maintenance/stoppedNode.ts'),
    import('../maintenance/inspectState.ts'),
  ])
  const { paths } = configOfHome(context, flags.home)
  const height = flags.height ?? null
  const address = parseAddress(what)
  const [engine, table] = what.split('.')
  const isRow = engine !== undefined && table !== undefined && row !== undefined
  if (what !== 'summary' && !address.ok && !isRow)
    throw new NexusError(
      { code: 'STATE_NAME', what },
      { message: `${what} is neither summary, nor an address, nor engine.table with a row` },
    )
  const found = await withStopped(paths, async (node): Promise<object> => {
    if (address.ok) return state.inspectAccount(node, address.value, height)
    if (isRow) return state.inspectRow(node, { engine, table, row }, height)
    return state.inspectSummary(node, height)
  })
  context.write(show(found, flags))
}

const show = (found: object, flags: Flags): string =>
  flags.json ? json(found) : outline(found, 0).join('\n')

/** Nested values as indented lines: for people; scripts take JSON. */
function outline(value: unknown, depth: number): string[] {
  const indent = '  '.repeat(depth)
  if (typeof value !== 'object' || value === null) return [`${indent}${String(value)}`]
  const entries = Object.entries(value)
  if (entries.length === 0) return [`${indent}none`]
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.flatMap(([name, member]) => {
    const isPlain = typeof member !== 'object' || member === null
    if (isPlain) return [`${indent}${name.padEnd(width)}  ${String(member)}`]
    if (isFlat(member)) return [`${indent}${name.padEnd(width)}  ${inline(member)}`]
    return [`${indent}${name}`, ...outline(member, depth + 1)]
  })
}

/** Rows of lists stand on one line each. */
const isFlat = (value: object): boolean =>
  Object.keys(value).length <= 4 &&
  Object.values(value).every((member) => typeof member !== 'object' || member === null)

const inline = (value: object): string =>
  Object.entries(value)
    .map(([name, member]) => (Array.isArray(value) ? String(member) : `${name} ${member}`))
    .join(', ') || 'none'
