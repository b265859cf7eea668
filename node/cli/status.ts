import type { Command } from 'commander'
import { type CliContext, EXIT, json } from './context.ts'
import type { Status } from './nodeStatus.ts'
import { formatAge, formatBytes, table } from './units.ts'
import { parseDuration } from './values.ts'

type Flags = {
  readonly home?: string
  readonly url?: string
  readonly json?: true
  readonly watch?: number | true
}

export function addStatusCommand(program: Command, context: CliContext): void {
  program
    .command('status')
    .description('say what a node is doing (exit code 0: it serves users; 1: it does not)')
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--url <url>', 'ask this JSON-RPC instead, such as http://127.0.0.1:8545')
    .option('--json', 'print JSON; with --watch one object a line')
    .option(
      '--watch [interval]',
      'again and again, every 2s or as said, until Ctrl-C',
      parseDuration,
    )
    .addHelpText(
      'after',
      `
A running node is asked over its RPC and its health endpoint. Of one that does not run, the files say
where it ended: the database, the WALs, the last signature.

  ok           blocks come, and this node has them
  catchingUp   it takes blocks from its peers
  stalled      no block for ten intervals of empty blocks: the chain stands, or this node is cut off
  starting     the process opens its files
  stopped      no process runs on this home
  unreachable  the process lives, its RPC does not answer

Examples:
  nexus status
  nexus status --home /var/lib/nexus --json
  nexus status --url http://10.0.0.7:8545 --watch 5s`,
    )
    .action((flags: Flags) => status(flags, context))
}

async function status(flags: Flags, context: CliContext): Promise<void> {
  const { homeStatus, isHealthy, remoteStatus } = await import('./nodeStatus.ts')
  const { configOfHome } = await import('./nodeClient.ts')
  const { url } = flags
  const config = url === undefined ? configOfHome(context, flags.home) : null
  const ask = (): Promise<Status> =>
    config === null ? remoteStatus({ kind: 'url', url: url as string }) : homeStatus(config)
  if (flags.watch === undefined) {
    const found = await ask()
    context.write(flags.json ? json(found) : textOf(found))
    context.setExitCode(isHealthy(found) ? EXIT.ok : EXIT.failed)
    return
  }
  const intervalMs = flags.watch === true ? 2_000 : flags.watch
  for (;;) {
    // One that is restarted answers again; a watcher waits for it.
    const found = await ask().catch((error: unknown) => String(error))
    if (typeof found === 'string') context.writeError(found)
    else context.write(flags.json ? JSON.stringify(found) : lineOf(found))
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}

function textOf(found: Status): string {
  const rows: [string, string][] = [['status', found.status]]
  if (found.kind === 'running') {
    rows.push(
      [
        'node',
        `${found.moniker}, nexus ${found.version}${found.pid === null ? '' : `, process ${found.pid}`}`,
      ],
      ['chain', `${found.chainId}, genesis ${found.genesisHash}`],
      [
        'height',
        `${found.height}, ${formatAge(found.lastBlockAgeMs)} old${found.catchingUp ? ` (known: ${found.highestKnown})` : ''}`,
      ],
      ['block', found.blockHash],
      ['consensus', `round ${found.round}, ${found.step}`],
      ['validator', validatorText(found)],
      ['peers', String(found.peers)],
      ['mempool', `${found.pendingTransactions} transactions`],
    )
  } else {
    rows.push(
      ['why', found.reason],
      ['node', `${found.moniker}${found.pid === null ? '' : `, process ${found.pid}`}`],
      ['chain', String(found.chainId)],
      ['height', found.height === null ? 'unknown' : `${found.height}, of ${found.blockTime}`],
      ['WAL', found.wal.length === 0 ? 'none' : `files from heights ${found.wal.join(', ')}`],
      ['last signed', signedText(found.lastSigned)],
    )
  }
  if (found.disk !== null) rows.push(['disk', diskText(found.disk)])
  return table(rows)
}

function validatorText({ validator, totalPower }: Extract<Status, { kind: 'running' }>): string {
  if (validator === null) return 'none: it observes'
  const { address, power } = validator
  return power === null
    ? `${address}, not in the present set`
    : `${address}, power ${power} of ${totalPower}`
}

const STEPS = ['nothing', 'proposal', 'prevote', 'precommit'] as const

function signedText(signed: Extract<Status, { kind: 'stopped' }>['lastSigned']): string {
  if (signed === null) return 'nothing'
  return `${STEPS[signed.step] ?? signed.step} of height ${signed.height}, round ${signed.round}`
}

const diskText = ({ databaseBytes, walBytes, freeBytes }: NonNullable<Status['disk']>): string =>
  `database ${formatBytes(databaseBytes)}, WAL ${formatBytes(walBytes)}, free ${freeBytes === null ? 'unknown' : formatBytes(freeBytes)}`

function lineOf(found: Status): string {
  const time = new Date().toISOString()
  if (found.kind === 'stopped')
    return `${time}  ${found.status}  height ${found.height ?? 'unknown'}`
  const { status: word, height, lastBlockAgeMs, round, step, peers, pendingTransactions } = found
  return `${time}  ${word}  height ${height}  ${formatAge(lastBlockAgeMs)} old  round ${round} ${step}  ${peers} peers  ${pendingTransactions} pending`
}
