import * as fs from 'node:fs'
import type { Command } from 'commander'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { millisOf } from '../../core/primitives/units.ts'
import {
  checksumAddress,
  createGenesis,
  DEFAULT_CHAIN_ID,
  defaultConsensusParams,
  defaultCoreGenesis,
  defaultEvmParams,
  deploymentProxy,
  fundedAccount,
  genesisHash,
  validatorSetOf,
} from '../../genesis/index.ts'
import { type HomePaths, homePaths } from '../config/paths.ts'
import { formatConfig, loadNodeConfig } from '../config.ts'
import { ensureNodeKey, makeHome, readGenesis } from '../home.ts'
import { writeFileAtomic } from '../keys/files.ts'
import { peerIdOf } from '../keys/nodeKey.ts'
import type { ValidatorIdentity } from '../keys/validatorKey.ts'
import { type CliContext, json, resolveFile, resolveHome } from './context.ts'
import { addPasswordOptions, type EncryptOptions, passwordOfNewKey } from './passwords.ts'
import { ensureValidator } from './validatorKeys.ts'
import { collectFund, type Fund, integerFrom, parseDuration } from './values.ts'

type InitOptions = EncryptOptions & {
  readonly home?: string
  readonly moniker: string
  readonly chainId: number
  readonly blockTime: number
  readonly fund: readonly Fund[]
  readonly genesis?: string
  readonly observer?: true
  readonly listen?: string
  readonly peers?: string
  readonly json?: true
}

export function addInitCommand(program: Command, context: CliContext): void {
  const nothing: readonly never[] = []
  const command = program
    .command('init')
    .description('make the home of a node: keys, configuration and genesis')
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
    .option('--moniker <name>', 'name of the node', 'nexus')
    .option('--genesis <file>', 'join the chain of this genesis instead of beginning one')
    .option('--observer', 'follow the chain without a validator key')
    .option(
      '--chain-id <n>',
      'of a new chain',
      integerFrom(1, Number.MAX_SAFE_INTEGER),
      DEFAULT_CHAIN_ID,
    )
    .option('--block-time <time>', 'of a new chain: interval of empty blocks', parseDuration, 1_000)
    .option(
      '--fund <address=coins>',
      'in a new chain: an account with coins; repeat it',
      collectFund,
      nothing,
    )
    .option('--listen <multiaddr>', 'address for peers, such as /ip4/0.0.0.0/tcp/26656')
    .option('--peers <list>', 'peers, comma separated: /ip4/10.0.0.2/tcp/26656/p2p/12D3Koo…')
    .option('--encrypt', 'encrypt the validator key with a password that is asked for')
  addPasswordOptions(command)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Keys that exist are kept. A home that has a chain already is left as it is (HOME_EXISTS).
With a password, from wherever, the validator key is encrypted, and "nexus start" asks for it.

Examples:
  nexus init --moniker alice --chain-id 7001 --fund 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1000
  nexus init --moniker bob --genesis genesis.json --listen /ip4/0.0.0.0/tcp/26656 \\
    --peers /ip4/10.0.0.2/tcp/26656/p2p/12D3Koo…`,
    )
    .action((options: InitOptions) => init(options, context))
}

async function init(options: InitOptions, context: CliContext): Promise<void> {
  const paths = homePaths(resolveHome(context, options.home))
  if (options.observer && options.genesis === undefined)
    throw new NexusError(
      { code: 'OBSERVER_WITHOUT_GENESIS' },
      { message: '--observer was given without --genesis' },
    )
  assertFresh(paths)
  const configText = configOf(options, paths)
  // Read before anything is written: a wrong file must not leave half a home behind.
  const joined =
    options.genesis === undefined ? null : readGenesis(resolveFile(context, options.genesis))
  const password = options.observer ? null : await passwordOfNewKey(options, context)
  makeHome(paths)
  const nodeKey = await ensureNodeKey(paths)
  const validatorKey = options.observer ? null : await ensureValidator(paths.validatorKey, password)
  const genesisText = joined?.text ?? newGenesis(options, validatorKey)
  writeFileAtomic(paths.config, configText)
  writeFileAtomic(paths.genesis, genesisText)
  const result = describe(paths, validatorKey, peerIdOf(nodeKey))
  context.write(options.json ? json(result) : textOf(result))
}

function assertFresh(paths: HomePaths): void {
  for (const file of [paths.genesis, paths.config, paths.data]) {
    if (fs.existsSync(file))
      throw new NexusError(
        { code: 'HOME_EXISTS', path: file },
        { message: `${file} exists already` },
      )
  }
}

/** The configuration is checked as `start` will read it, without what this shell happens to export. */
function configOf(options: InitOptions, paths: HomePaths): string {
  const text = formatConfig({
    moniker: options.moniker,
    ...(options.observer ? { validatorKeyFile: null } : {}),
    p2p: {
      ...(options.listen === undefined ? {} : { listen: options.listen.split(',') }),
      peers: options.peers === undefined ? [] : options.peers.split(','),
    },
  })
  loadNodeConfig({ home: paths.home, file: text, environment: {}, flags: new Map() })
  return text
}

function newGenesis(options: InitOptions, key: ValidatorIdentity | null): string {
  const created = createGenesis({
    chainId: options.chainId,
    genesisTime: millisOf(Date.now()),
    validators: key === null ? [] : [{ name: options.moniker, publicKey: key.publicKey, power: 1 }],
    accounts: [
      deploymentProxy,
      ...options.fund.map(({ address, balance }) => fundedAccount(address, balance)),
    ],
    consensus: { ...defaultConsensusParams, emptyBlockIntervalMs: millisOf(options.blockTime) },
    evm: defaultEvmParams,
    core: defaultCoreGenesis,
  })
  if (created.ok) return created.text
  throw new NexusError({ code: created.code }, { message: created.problems })
}

function describe(paths: HomePaths, key: ValidatorIdentity | null, peerId: string) {
  const { value: genesis } = readGenesis(paths.genesis)
  return {
    home: paths.home,
    chainId: genesis.chainId,
    genesisHash: `0x${toHex(genesisHash(genesis))}`,
    peerId,
    validator:
      key === null
        ? null
        : {
            address: checksumAddress(key.address),
            publicKey: `0x${toHex(key.publicKey)}`,
            inGenesis: validatorSetOf(genesis).indexOf(key.address) >= 0,
          },
  }
}

function textOf(result: ReturnType<typeof describe>): string {
  const { home, chainId, genesisHash: hash, peerId, validator } = result
  const lines = [
    `Made the home of a node in ${home}`,
    `  chain id      ${chainId}`,
    `  genesis hash  ${hash}`,
    `  peer id       ${peerId}`,
  ]
  if (validator === null) lines.push('  validator     none: this node observes')
  else {
    lines.push(`  validator     ${validator.address}`)
    if (!validator.inGenesis)
      lines.push('  Its key is not among the validators of this genesis: it will observe.')
    lines.push(`Back up ${home}/keys: a lost validator key cannot be replaced.`)
  }
  lines.push(`Start it with: nexus start --home ${home}`)
  return lines.join('\n')
}
