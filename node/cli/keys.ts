import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Command } from 'commander'
import { parseHex, toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { checksumAddress } from '../../genesis/index.ts'
import { type HomePaths, homePaths } from '../config/paths.ts'
import { ensureNodeKey, ensureValidatorKey, makeHome } from '../home.ts'
import { readTextFile } from '../keys/files.ts'
import { accountsOf } from '../keys/mnemonic.ts'
import { loadNodeKey, peerIdOf } from '../keys/nodeKey.ts'
import { loadValidatorKey, saveValidatorKey, validatorKeyOf } from '../keys/validatorKey.ts'
import { type CliContext, json, resolveFile, resolveHome } from './context.ts'
import { integerFrom } from './values.ts'

type HomeOptions = { readonly home?: string; readonly json?: true }

export function addKeysCommand(program: Command, context: CliContext): void {
  const keys = program
    .command('keys')
    .description('make and show the keys of a node')
    .addHelpText(
      'after',
      `
A validator key signs votes and blocks; a node key proves the peer id. Both are files under
HOME/keys that only their owner may read. No command takes a secret as an argument: arguments are
visible to every user of the machine.`,
    )
  addCreate(keys, context)
  addShow(keys, context)
  addList(keys, context)
  addImport(keys, context)
}

const HOME_OPTION = [
  '--home <dir>',
  'home of the node (default: NEXUS_HOME or ~/.nexus/node)',
] as const
const JSON_OPTION = ['--json', 'print JSON'] as const

function addCreate(keys: Command, context: CliContext): void {
  keys
    .command('create')
    .description('make the keys that the home does not have yet')
    .option(...HOME_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  nexus keys create --home ~/.nexus/node')
    .action(async (options: HomeOptions) => {
      const paths = homePaths(resolveHome(context, options.home))
      if (fs.existsSync(paths.validatorKey) && fs.existsSync(paths.nodeKey))
        throw new NexusError(
          { code: 'FILE_EXISTS', path: paths.validatorKey },
          { message: `${path.dirname(paths.validatorKey)} has both keys already` },
        )
      makeHome(paths)
      ensureValidatorKey(paths)
      await ensureNodeKey(paths)
      show(paths, options, context)
    })
}

function addShow(keys: Command, context: CliContext): void {
  keys
    .command('show')
    .description('print the public identity of a node; nothing secret')
    .option(...HOME_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      "\nThe public key goes into the genesis, the peer id into the others' peers.\n\nExample:\n  nexus keys show --json",
    )
    .action((options: HomeOptions) =>
      show(homePaths(resolveHome(context, options.home)), options, context),
    )
}

function show(paths: HomePaths, options: HomeOptions, context: CliContext): void {
  const validator = loadValidatorKey(paths.validatorKey)
  const identity = {
    address: checksumAddress(validator.address),
    publicKey: `0x${toHex(validator.publicKey)}`,
    peerId: peerIdOf(loadNodeKey(paths.nodeKey)),
  }
  const lines = [
    `validator address  ${identity.address}`,
    `public key         ${identity.publicKey}`,
    `peer id            ${identity.peerId}`,
  ]
  context.write(options.json ? json(identity) : lines.join('\n'))
}

type Listed = { readonly file: string; readonly kind: string; readonly id: string }

function addList(keys: Command, context: CliContext): void {
  keys
    .command('list')
    .description('list the key files of a home, and what is wrong with any')
    .option(...HOME_OPTION)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  nexus keys list --home ./.nexus/devnet/validator-0')
    .action((options: HomeOptions) => {
      const directory = path.dirname(homePaths(resolveHome(context, options.home)).validatorKey)
      const names = fs.existsSync(directory) ? fs.readdirSync(directory).sort() : []
      const listed = names.map((name) => identify(path.join(directory, name)))
      if (options.json) return context.write(json(listed))
      if (listed.length === 0) context.write(`There are no keys in ${directory}`)
      for (const { file, kind, id } of listed) context.write(`${kind.padEnd(10)} ${id}  ${file}`)
    })
}

/** Each kind of key refuses the other's file by its type, and both tell what else is wrong. */
function identify(file: string): Listed {
  let fault = ''
  const kinds = [
    { kind: 'validator', id: () => checksumAddress(loadValidatorKey(file).address) },
    { kind: 'node', id: () => peerIdOf(loadNodeKey(file)) },
  ]
  for (const { kind, id } of kinds) {
    try {
      return { file, kind, id: id() }
    } catch (error) {
      if (!(error instanceof NexusError)) throw error
      fault = error.detail.code
    }
  }
  return { file, kind: 'unusable', id: fault }
}

type ImportOptions = HomeOptions & {
  readonly privateKeyFile?: string
  readonly mnemonicFile?: string
  readonly index: number
}

function addImport(keys: Command, context: CliContext): void {
  keys
    .command('import')
    .description('take a validator key from a file or from standard input')
    .option(...HOME_OPTION)
    .option('--private-key-file <file>', 'a file with 64 hex digits; - is standard input')
    .option('--mnemonic-file <file>', 'a file with the words of a mnemonic; - is standard input')
    .option(
      '--index <n>',
      "account of the mnemonic: m/44'/60'/0'/0/n",
      integerFrom(0, 2 ** 31 - 1),
      0,
    )
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  nexus keys import --private-key-file - < key.txt')
    .action(async (options: ImportOptions) => {
      const paths = homePaths(resolveHome(context, options.home))
      const key = validatorKeyOf(await readPrivateKey(options, context))
      if (key === null) throw notRead('these 32 bytes are not a secp256k1 private key')
      makeHome(paths)
      saveValidatorKey(paths.validatorKey, key)
      await ensureNodeKey(paths)
      show(paths, options, context)
    })
}

async function readPrivateKey(options: ImportOptions, context: CliContext): Promise<Uint8Array> {
  const { privateKeyFile, mnemonicFile, index } = options
  const file = privateKeyFile ?? mnemonicFile
  if (file === undefined || (privateKeyFile !== undefined && mnemonicFile !== undefined))
    throw notRead('give one of --private-key-file and --mnemonic-file')
  const text = file === '-' ? await context.readInput() : readTextFile(resolveFile(context, file))
  if (privateKeyFile !== undefined) {
    const parsed = parseHex(text.trim())
    if (parsed.ok && parsed.value.length === 32) return parsed.value
    throw notRead('the input is not 64 hex digits')
  }
  const accounts = accountsOf(text, 1, index)
  const account = accounts.ok ? accounts.value[0] : undefined
  if (account === undefined) throw notRead('the input is not a BIP-39 mnemonic in English')
  return account.privateKey
}

const notRead = (message: string): NexusError =>
  new NexusError({ code: 'KEY_NOT_READ' }, { message })
