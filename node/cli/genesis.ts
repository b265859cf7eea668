import type { Command } from 'commander'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { millisOf } from '../../core/primitives/units.ts'
import {
  createGenesis,
  DEFAULT_CHAIN_ID,
  defaultConsensusParams,
  defaultCoreGenesis,
  defaultEvmParams,
  deploymentProxy,
  formatProblems,
  fundedAccount,
  type Genesis,
  genesisHash,
  parseGenesis,
} from '../../genesis/index.ts'
import { readGenesis } from '../home.ts'
import { readTextFile, writeFileAtomic } from '../keys/files.ts'
import { type CliContext, EXIT, json, resolveFile } from './context.ts'
import {
  collectFund,
  collectValidator,
  type Fund,
  formatCoins,
  integerFrom,
  parseDuration,
  type ValidatorValue,
} from './values.ts'

export function addGenesisCommand(program: Command, context: CliContext): void {
  const genesis = program
    .command('genesis')
    .description('make and check the file that begins a chain')
    .addHelpText('after', '\nThe format is described in genesis/README.md.')
  addValidate(genesis, context)
  addHash(genesis, context)
  addCreate(genesis, context)
}

function addValidate(genesis: Command, context: CliContext): void {
  genesis
    .command('validate')
    .description(
      'check a genesis file and name every mistake in it (exit code 1 when there is one)',
    )
    .argument('<file>', 'the genesis file')
    .option('--json', 'print JSON: { ok, hash, … } or { ok: false, problems }')
    .addHelpText('after', '\nExample:\n  nexus genesis validate genesis.json')
    .action((file: string, options: { readonly json?: true }) => {
      const parsed = parseGenesis(readTextFile(resolveFile(context, file)))
      if (!parsed.ok && options.json) {
        context.write(json({ ok: false, problems: parsed.problems }))
        context.setExitCode(EXIT.failed)
      } else if (!parsed.ok)
        throw new NexusError(
          { code: 'INVALID_GENESIS', problems: parsed.problems.length },
          { message: `${file}:\n${formatProblems(parsed.problems)}` },
        )
      else if (options.json) context.write(json({ ok: true, ...summaryOf(parsed.value) }))
      else context.write(describe(file, parsed.value))
    })
}

function addHash(genesis: Command, context: CliContext): void {
  genesis
    .command('hash')
    .description('print the hash that all nodes of the chain must have')
    .argument('<file>', 'the genesis file')
    .addHelpText(
      'after',
      '\nIt does not depend on layout or key order.\n\nExample:\n  nexus genesis hash genesis.json',
    )
    .action((file: string) => {
      const { value } = readGenesis(resolveFile(context, file))
      context.write(`0x${toHex(genesisHash(value))}`)
    })
}

type CreateOptions = {
  readonly validator: readonly ValidatorValue[]
  readonly fund: readonly Fund[]
  readonly chainId: number
  readonly blockTime: number
  readonly output?: string
}

function addCreate(genesis: Command, context: CliContext): void {
  const nothing: readonly never[] = []
  genesis
    .command('create')
    .description('make a genesis from the public keys of its validators')
    .requiredOption(
      '--validator <name=key[=power]>',
      'a validator; repeat it',
      collectValidator,
      nothing,
    )
    .option('--fund <address=coins>', 'an account with coins; repeat it', collectFund, nothing)
    .option('--chain-id <n>', 'chain id', integerFrom(1, Number.MAX_SAFE_INTEGER), DEFAULT_CHAIN_ID)
    .option('--block-time <time>', 'interval of empty blocks', parseDuration, 1_000)
    .option('-o, --output <file>', 'write here instead of to standard output')
    .addHelpText(
      'after',
      `
Every operator runs "nexus keys create" and sends what "nexus keys show" prints; one of them runs
this and sends the file back; every operator then runs "nexus init --genesis FILE".

Example:
  nexus genesis create --chain-id 7001 -o genesis.json \\
    --validator alice=0x02… --validator bob=0x03… --fund 0xf39F…2266=1000000`,
    )
    .action((options: CreateOptions) => {
      const text = genesisTextOf(options)
      if (options.output === undefined) return context.write(text.trimEnd())
      const file = resolveFile(context, options.output)
      writeFileAtomic(file, text)
      const { value } = readGenesis(file)
      context.write(describe(options.output, value))
    })
}

function genesisTextOf({ validator, fund, chainId, blockTime }: CreateOptions): string {
  const created = createGenesis({
    chainId,
    genesisTime: millisOf(Date.now()),
    validators: validator,
    accounts: [
      deploymentProxy,
      ...fund.map(({ address, balance }) => fundedAccount(address, balance)),
    ],
    consensus: { ...defaultConsensusParams, emptyBlockIntervalMs: millisOf(blockTime) },
    evm: defaultEvmParams,
    core: defaultCoreGenesis,
  })
  if (created.ok) return created.text
  throw new NexusError({ code: created.code }, { message: created.problems })
}

function summaryOf(genesis: Genesis) {
  const supply = genesis.accounts.reduce((sum, { balance }) => sum + balance, 0n)
  return {
    hash: `0x${toHex(genesisHash(genesis))}`,
    chainId: genesis.chainId,
    genesisTime: new Date(genesis.genesisTime).toISOString(),
    validators: genesis.validators.length,
    power: genesis.validators.reduce((sum, { power }) => sum + power, 0),
    accounts: genesis.accounts.length,
    contracts: genesis.accounts.filter(({ code }) => code.length > 0).length,
    supplyWei: supply.toString(),
  }
}

function describe(file: string, genesis: Genesis): string {
  const summary = summaryOf(genesis)
  return [
    `${file} is a valid genesis`,
    `  hash        ${summary.hash}`,
    `  chain id    ${summary.chainId}`,
    `  time        ${summary.genesisTime}`,
    `  validators  ${summary.validators}, total power ${summary.power}`,
    `  accounts    ${summary.accounts}, of them contracts ${summary.contracts}`,
    `  supply      ${formatCoins(BigInt(summary.supplyWei))} coins`,
  ].join('\n')
}
