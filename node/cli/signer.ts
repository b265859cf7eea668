import * as fs from 'node:fs'
import * as path from 'node:path'
import { type Command, Option } from 'commander'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { checksumAddress } from '../../genesis/index.ts'
import { AskedPassword, readPassword } from '../keys/password.ts'
import type { LogFormat, LogLevel } from '../observability/logger.ts'
import { parseSignerAddress } from '../signer/address.ts'
import { DEFAULT_SOCKET, defaultSignerHome, signerPaths } from '../signer/paths.ts'
import { createSignerSecret } from '../signer/secret.ts'
import { type CliContext, JSON_OPTION, json } from './context.ts'
import { createGuard } from './keysGuard.ts'
import {
  addPasswordOptions,
  type EncryptOptions,
  type PasswordOptions,
  passwordOfNewKey,
  passwordPlace,
} from './passwords.ts'
import { ensureValidator } from './validatorKeys.ts'
import { integerFrom } from './values.ts'

const HOME = ['--home <dir>', 'files of the signer (default: ~/.nexus/node/signer)'] as const
const CHAIN = [
  '--chain-id <n>',
  'the chain to sign for; anything else is refused',
  integerFrom(1, Number.MAX_SAFE_INTEGER),
] as const

const HELP = `
A separate process that holds the validator key and its last-signed state. A node with
"signer": { "kind": "remote" } asks it for every vote and proposal; the guard against signing twice
runs here. One node is served at a time. Both sides prove that they know the secret file; only this
machine can connect: through a socket in a directory of mode 700, or through a loopback port.

Same user, same machine:
  nexus signer init --home ~/.nexus/node/signer --chain-id 7001 --encrypt
  nexus signer --home ~/.nexus/node/signer --chain-id 7001 &
  nexus start --signer-kind remote

Two users or two machines: the signer listens on loopback, a tunnel joins the machines, and each
side has its own copy of the secret (mode 600, directory 700).
  signer$ nexus signer init --home /var/lib/nexus-signer --chain-id 7001 --encrypt
  signer$ nexus signer --home /var/lib/nexus-signer --chain-id 7001 --socket tcp:127.0.0.1:26670
  node$   ssh -N -L 127.0.0.1:26670:127.0.0.1:26670 signer.internal &
  node$   install -m 700 -d ~/.nexus/node/signer     # then copy the secret file into it, mode 600
  node$   nexus start --signer-kind remote --signer-socket tcp:127.0.0.1:26670

See "Remote signer" in docs/operations.md for services and for moving a key that signed before.`

type RunOptions = PasswordOptions & {
  readonly home?: string
  readonly chainId: number
  readonly socket: string
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

export function addSignerCommand(program: Command, context: CliContext): void {
  const signer = program
    .command('signer')
    .description('hold a validator key apart from the node and sign for it')
    .enablePositionalOptions()
    .option(...HOME)
    .option(...CHAIN)
    .option(
      '--socket <place>',
      'a path relative to the home, or tcp:127.0.0.1:PORT',
      DEFAULT_SOCKET,
    )
    .addOption(
      new Option('--log-level <level>', 'least level')
        .choices(['debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'JSON lines or for people')
        .choices(['auto', 'json', 'pretty'])
        .default('auto'),
    )
  addPasswordOptions(signer)
    .addHelpText('after', HELP)
    .action((options: RunOptions) => run(options, context))
  addInit(signer, context)
}

async function run(options: RunOptions, context: CliContext): Promise<void> {
  const { chainId, socket, logLevel: level, logFormat: format } = options
  if (chainId === undefined)
    throw new NexusError(
      { code: 'CHAIN_ID_MISSING' },
      { message: 'a signer is started for one chain: --chain-id' },
    )
  const paths = signerPaths(homeOf(options, context))
  if (!fs.existsSync(paths.validatorKey))
    throw new NexusError(
      { code: 'SIGNER_HOME_MISSING', path: paths.home },
      {
        message: `${paths.home} is not the home of a signer: ${paths.validatorKey} does not exist`,
      },
    )
  const question = `Password of ${paths.validatorKey}`
  const password = new AskedPassword(() => readPassword(passwordPlace(options, context), question))
  const address = parseSignerAddress(socket, paths.home)
  const { runSigner } = await import('../signer/runSigner.ts')
  await runSigner({ paths, chainId, address, password, log: { level, format } })
}

type InitOptions = EncryptOptions & {
  readonly home?: string
  readonly chainId: number
  readonly above?: number
  readonly json?: true
}

function addInit(signer: Command, context: CliContext): void {
  const command = signer
    .command('init')
    .description('make what is missing of key, secret and last-signed state')
    .option(...HOME)
    .requiredOption(...CHAIN)
    .option('--encrypt', 'encrypt the key with a password that is asked for')
    .option(
      '--above <height>',
      'for a key that signed before: refuse to sign up to this height',
      integerFrom(0, Number.MAX_SAFE_INTEGER),
    )
  addPasswordOptions(command)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `
What is there is kept. A key that is there already (validator.json) may have signed: copy its
last-signed state from where it was as well, or name a height with --above.

Example:
  nexus signer init --home /var/lib/nexus-signer --chain-id 7001 --encrypt`,
    )
    .action((options: InitOptions) => init(options, context))
}

async function init(options: InitOptions, context: CliContext): Promise<void> {
  const paths = signerPaths(homeOf(options, context))
  const { chainId, above } = options
  const isNew = !fs.existsSync(paths.validatorKey)
  const hasGuard = fs.existsSync(paths.lastSigned)
  if (!isNew && !hasGuard && above === undefined)
    throw new NexusError(
      { code: 'GUARD_HEIGHT_MISSING' },
      { message: `${paths.validatorKey} may have signed, and ${paths.lastSigned} is missing` },
    )
  const password = isNew ? await passwordOfNewKey(options, context) : null
  fs.mkdirSync(paths.home, { recursive: true, mode: 0o700 })
  const { address, publicKey } = await ensureValidator(paths.validatorKey, password)
  if (!hasGuard) await createGuard(paths.lastSigned, { chainId, address }, above ?? 0)
  if (!fs.existsSync(paths.secret)) createSignerSecret(paths.secret)
  const result = {
    home: paths.home,
    address: checksumAddress(address),
    publicKey: `0x${toHex(publicKey)}`,
    secretFile: paths.secret,
    chainId,
  }
  const lines = [
    `Made the home of a signer in ${paths.home}`,
    `  validator   ${result.address}`,
    `  public key  ${result.publicKey}`,
    `  secret      ${paths.secret}: the node needs a copy, mode 600 in a directory of mode 700`,
    `Start it with: nexus signer --home ${paths.home} --chain-id ${chainId}`,
  ]
  context.write(options.json ? json(result) : lines.join('\n'))
}

const homeOf = ({ home }: { readonly home?: string }, context: CliContext): string =>
  path.resolve(context.directory, home ?? defaultSignerHome())
