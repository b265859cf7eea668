import { type Command, InvalidArgumentError } from 'commander'
import { NexusError } from '../../core/primitives/errors.ts'
import { defaultDevnetChain, MAX_ACCOUNTS } from '../devnet/options.ts'
import type { Testnet } from '../devnet/testnet.ts'
import { readTextFile } from '../keys/files.ts'
import { readNewPassword } from '../keys/password.ts'
import { type CliContext, json, resolveFile } from './context.ts'
import { formatCoins, integerFrom, parseCoins, parseDuration } from './values.ts'

type Flags = {
  readonly validators?: number
  readonly output: string
  readonly powers?: readonly number[]
  readonly observers: number
  readonly hosts?: readonly string[]
  readonly hostsFile?: string
  readonly chainId: number
  readonly accounts: number
  readonly balance?: bigint
  readonly blockTime: number
  readonly startingPort: number
  readonly genesisTime?: number
  readonly passwordFile?: string
  readonly force?: true
  readonly json?: true
}

/** As many as a certificate of a genesis may need to hold; more are made by hand. */
const MAX_NODES = 128

export function addTestnetCommand(program: Command, context: CliContext): void {
  const { accounts, balance, blockTimeMs, chainId } = defaultDevnetChain
  program
    .command('testnet')
    .description('make the files of a chain of several validators on several machines')
    .option(
      '--validators <n>',
      `1 to ${MAX_NODES} (default: as many as powers, or 4)`,
      integerFrom(1, MAX_NODES),
    )
    .requiredOption('--output <dir>', 'directory for the homes, the genesis and the summary')
    .option('--powers <list>', 'voting power of each validator (default: 1 each)', parsePowers)
    .option('--observers <n>', 'nodes that follow without voting', integerFrom(0, MAX_NODES), 0)
    .option(
      '--hosts <list>',
      'machines, comma separated, taken in turn (default: 127.0.0.1)',
      parseHosts,
    )
    .option('--hosts-file <file>', 'the same, one a line; # begins a comment')
    .option(
      '--starting-port <n>',
      'peers; RPC, metrics: the next ones; 10 for each node of a machine',
      integerFrom(1, 65_000),
      26_656,
    )
    .option('--chain-id <n>', 'chain id', integerFrom(1, Number.MAX_SAFE_INTEGER), chainId)
    .option('--block-time <time>', 'interval of empty blocks', parseDuration, blockTimeMs)
    .option(
      '--accounts <n>',
      'funded test accounts, whose keys everybody knows',
      integerFrom(0, MAX_ACCOUNTS),
      accounts,
    )
    .option('--balance <coins>', `coins of each (default: ${formatCoins(balance)})`, parseCoins)
    .option('--genesis-time <time>', 'such as 2026-12-01T12:00:00Z (default: now)', parseTime)
    .option('--password-file <file>', 'encrypt the validator keys with the password in it')
    .option('--force', 'delete the testnet that is there, with its keys')
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      `
Every home has its keys (mode 0600), the genesis, a configuration that knows the peer ids and addresses
of the others, start.sh and a systemd unit. README.md says what to copy where.

Whoever runs this sees all private keys: for a chain of operators that do not trust each other, every
operator makes keys and one makes the genesis ("nexus genesis create --help").

Examples:
  nexus testnet --validators 4 --output ./testnet --hosts 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4
  nexus testnet --powers 10,10,1 --observers 2 --output /tmp/net --hosts-file hosts.txt --force`,
    )
    .action((flags: Flags) => testnet(flags, context))
}

async function testnet(flags: Flags, context: CliContext): Promise<void> {
  const { createTestnet } = await import('../devnet/testnet.ts')
  const password =
    flags.passwordFile === undefined
      ? null
      : await readNewPassword(
          { file: resolveFile(context, flags.passwordFile), descriptor: null, prompt: null },
          'Password of the validator keys',
        )
  const { chainId, accounts, observers, startingPort } = flags
  const { balance = defaultDevnetChain.balance } = flags
  const made = await createTestnet({
    output: resolveFile(context, flags.output),
    powers: powersOf(flags),
    hosts: hostsOf(flags, context),
    ...{ chainId, accounts, balance, observers, startingPort, password },
    blockTimeMs: flags.blockTime,
    genesisTime: flags.genesisTime ?? Date.now(),
    force: flags.force === true,
  })
  context.write(flags.json ? json(made) : textOf(made))
}

function powersOf({ validators, powers }: Flags): readonly number[] {
  if (powers === undefined) return new Array<number>(validators ?? 4).fill(1)
  if (validators === undefined || validators === powers.length) return powers
  throw new NexusError(
    { code: 'POWERS_DIFFER', validators, powers: powers.length },
    {
      message: `--validators ${validators} and --powers with ${powers.length} of them do not agree`,
    },
  )
}

function hostsOf({ hosts, hostsFile }: Flags, context: CliContext): readonly string[] {
  if (hostsFile === undefined) return hosts ?? ['127.0.0.1']
  const lines = readTextFile(resolveFile(context, hostsFile)).split('\n')
  const named = lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '')
  const wrong = named.find((host) => !HOST.test(host))
  if (named.length === 0 || wrong !== undefined)
    throw new NexusError(
      { code: 'HOSTS_INVALID', file: hostsFile },
      {
        message:
          wrong === undefined
            ? `${hostsFile} names no machine`
            : `${hostsFile}: "${wrong}" is neither a host name nor an IP address`,
      },
    )
  return named
}

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,39})$/

function parseHosts(text: string): readonly string[] {
  const hosts = text.split(',').map((host) => host.trim())
  if (hosts.every((host) => HOST.test(host))) return hosts
  throw new InvalidArgumentError('It must be host names or IP addresses, comma separated.')
}

const parsePowers = (text: string): readonly number[] =>
  text.split(',').map((power) => integerFrom(1, Number.MAX_SAFE_INTEGER)(power.trim()))

function parseTime(text: string): number {
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (Number.isSafeInteger(time) && time > 0) return time
  throw new InvalidArgumentError('It must be a time such as 2026-12-01T12:00:00Z.')
}

function textOf({ output, chainId, genesisHash, nodes, accounts }: Testnet): string {
  const rows = nodes.map(
    ({ moniker, host, address, validator }) =>
      `  ${moniker.padEnd(14)} ${host.padEnd(16)} power ${String(validator?.power ?? 'none').padEnd(6)} ${address}`,
  )
  return [
    `Made a testnet in ${output}`,
    `  chain id      ${chainId}`,
    `  genesis hash  ${genesisHash}`,
    `  accounts      ${accounts.length}, with keys that everybody knows`,
    ...rows,
    `What to copy where: ${output}/README.md`,
  ].join('\n')
}
