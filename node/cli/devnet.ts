import { type Command, Option } from 'commander'
import {
  type DevnetChain,
  type DevnetOptions,
  defaultDevnetChain,
  MAX_ACCOUNTS,
  MAX_VALIDATORS,
  portsFrom,
} from '../devnet/options.ts'
import { type CliContext, resolveFile } from './context.ts'
import { formatCoins, integerFrom, parseCoins, parseDuration } from './values.ts'

type Flags = {
  readonly validators?: number
  readonly accounts?: number
  readonly balance?: bigint
  readonly blockTime?: number
  readonly chainId?: number
  readonly data: string
  readonly port?: number
  readonly metricsPort?: number
  readonly p2pPort?: number
  readonly logLevel: string
  readonly reset?: true
  readonly restart?: true
  readonly json?: true
}

/** Defaults are named in the help only: an option that was not given means the chain that exists. */
export function addDevnetCommand(program: Command, context: CliContext): void {
  const { validators, accounts, balance, chainId, blockTimeMs } = defaultDevnetChain
  const port = integerFrom(1, 65_535)
  program
    .command('devnet')
    .description('run a chain of several validators on this machine, with funded test accounts')
    .option(
      '--validators <n>',
      `1 to ${MAX_VALIDATORS} (default: ${validators})`,
      integerFrom(1, MAX_VALIDATORS),
    )
    .option(
      '--block-time <time>',
      `interval of empty blocks (default: ${blockTimeMs}ms)`,
      parseDuration,
    )
    .option(
      '--accounts <n>',
      `funded accounts (default: ${accounts})`,
      integerFrom(0, MAX_ACCOUNTS),
    )
    .option('--balance <coins>', `coins of each (default: ${formatCoins(balance)})`, parseCoins)
    .option('--chain-id <n>', `(default: ${chainId})`, integerFrom(1, Number.MAX_SAFE_INTEGER))
    .option('--data <dir>', 'where the chain lives', './.nexus/devnet')
    .option('--reset', 'delete the chain that lives there and begin anew')
    .option('--port <n>', 'JSON-RPC of validator 0; validator i has n + i (default: 8545)', port)
    .option('--metrics-port <n>', 'metrics of validator 0 (default: port + 1000)', port)
    .option('--p2p-port <n>', 'peers of validator 0 (default: port + 18111)', port)
    .option('--restart', 'start a validator again when it ends by itself')
    .option('--json', 'print one line of JSON once the chain is ready, and nothing else')
    .addOption(
      new Option('--log-level <level>', 'of the validators')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `
The first start makes the chain; later ones continue it. Ctrl-C stops all validators cleanly.

Examples:
  nexus devnet
  nexus devnet --validators 1 --block-time 250ms
  nexus devnet --data /tmp/other --port 18545 --json
  nexus devnet --reset --accounts 50 --balance 1000000`,
    )
    .action(async (flags: Flags) => {
      const { runDevnet } = await import('../devnet/run.ts')
      context.setExitCode(await runDevnet(optionsOf(flags, context), context))
    })
}

function optionsOf(flags: Flags, context: CliContext): DevnetOptions {
  const { validators, accounts, balance, chainId, blockTime } = flags
  const chain: Partial<DevnetChain> = {
    ...(validators === undefined ? {} : { validators }),
    ...(accounts === undefined ? {} : { accounts }),
    ...(balance === undefined ? {} : { balance }),
    ...(chainId === undefined ? {} : { chainId }),
    ...(blockTime === undefined ? {} : { blockTimeMs: blockTime }),
  }
  return {
    data: resolveFile(context, flags.data),
    chain,
    ports: portsFrom({ rpc: flags.port, metrics: flags.metricsPort, p2p: flags.p2pPort }),
    logLevel: flags.logLevel,
    reset: flags.reset === true,
    restart: flags.restart === true,
    json: flags.json === true,
  }
}
