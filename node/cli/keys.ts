import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Command } from 'commander'
import { parseHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { checksumAddress } from '../../genesis/index.ts'
import { homePaths } from '../config/paths.ts'
import { ensureNodeKey, makeHome, readGenesis } from '../home.ts'
import { readTextFile } from '../keys/files.ts'
import { accountsOf } from '../keys/mnemonic.ts'
import { nodeKeyFiles } from '../keys/nodeKey.ts'
import { readNewPassword, readPassword } from '../keys/password.ts'
import {
  readWalletKeystore,
  type ValidatorKey,
  validatorIdentityIn,
  validatorKeyOf,
} from '../keys/validatorKey.ts'
import {
  type CliContext,
  HOME_OPTION,
  type HomeOptions,
  JSON_OPTION,
  json,
  resolveFile,
  resolveHome,
} from './context.ts'
import { addGuard, createGuard } from './keysGuard.ts'
import { addChangePassword, addDecrypt, addEncrypt, addExport } from './keysSecret.ts'
import {
  addNewPasswordOptions,
  addPasswordOptions,
  type EncryptOptions,
  type NewPasswordOptions,
  newPasswordPlace,
  passwordOfNewKey,
  passwordPlace,
} from './passwords.ts'
import { ensureValidator, saveValidator, writeIdentity } from './validatorKeys.ts'
import { integerFrom } from './values.ts'

export function addKeysCommand(program: Command, context: CliContext): void {
  const keys = program
    .command('keys')
    .description('make and show the keys of a node')
    .addHelpText(
      'after',
      `
A validator key signs votes and blocks; a node key proves the peer id. Both are files under
HOME/keys that only their owner may read, and may be encrypted with a password (Web3 keystore,
version 3). No command takes a secret as an argument: arguments are visible to every user of the
machine. Where no file or descriptor gives a password it is asked for on the terminal.`,
    )
  for (const add of [addCreate, addShow, addList, addImport]) add(keys, context)
  for (const add of [addExport, addEncrypt, addDecrypt, addChangePassword]) add(keys, context)
  addGuard(keys, context)
}

function addCreate(keys: Command, context: CliContext): void {
  const create = keys
    .command('create')
    .description('make the keys that the home does not have yet')
    .option(...HOME_OPTION)
    .option('--encrypt', 'encrypt the validator key with a password that is asked for')
  addPasswordOptions(create)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `
With a password, from wherever, the validator key is encrypted.

Examples:
  nexus keys create --home ~/.nexus/node --encrypt
  nexus keys create --password-file /run/credentials/nexus/password`,
    )
    .action(async (options: HomeOptions & EncryptOptions) => {
      const paths = homePaths(resolveHome(context, options.home))
      if (fs.existsSync(paths.validatorKey) && fs.existsSync(paths.nodeKey))
        throw new NexusError(
          { code: 'FILE_EXISTS', path: paths.validatorKey },
          { message: `${path.dirname(paths.validatorKey)} has both keys already` },
        )
      const isNew = !fs.existsSync(paths.validatorKey)
      const password = isNew ? await passwordOfNewKey(options, context) : null
      makeHome(paths)
      const { address } = await ensureValidator(paths.validatorKey, password)
      await ensureNodeKey(paths)
      // A key that was made just now signed nothing, also where an observer has data already.
      if (isNew && fs.existsSync(paths.genesis) && !fs.existsSync(paths.lastSigned)) {
        const { chainId } = readGenesis(paths.genesis).value
        await createGuard(paths.lastSigned, { chainId, address }, 0)
      }
      writeIdentity(paths, options, context)
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
      writeIdentity(homePaths(resolveHome(context, options.home)), options, context),
    )
}

type Listed = {
  readonly file: string
  readonly kind: string
  readonly id: string
  readonly encrypted: boolean
}

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
      for (const { file, kind, id, encrypted } of listed)
        context.write(`${kind.padEnd(10)} ${id}  ${file}${encrypted ? '  (encrypted)' : ''}`)
    })
}

/** Each kind of key refuses the other's file by its type, and both tell what else is wrong. */
function identify(file: string): Listed {
  let fault = ''
  const kinds = [
    () => {
      const { address, encrypted } = validatorIdentityIn(file)
      return { file, kind: 'validator', id: checksumAddress(address), encrypted }
    },
    () => {
      const { publicMembers, encrypted } = nodeKeyFiles.inspect(file)
      return { file, kind: 'node', id: publicMembers.get('peerId') ?? '', encrypted }
    },
  ]
  for (const identifyAs of kinds) {
    try {
      return identifyAs()
    } catch (error) {
      if (!(error instanceof NexusError)) throw error
      fault = error.detail.code
    }
  }
  return { file, kind: 'unusable', id: fault, encrypted: false }
}

type ImportOptions = HomeOptions &
  EncryptOptions &
  NewPasswordOptions & {
    readonly privateKeyFile?: string
    readonly mnemonicFile?: string
    readonly keystoreFile?: string
    readonly index: number
  }

function addImport(keys: Command, context: CliContext): void {
  const command = keys
    .command('import')
    .description('take a validator key from a file or from standard input')
    .option(...HOME_OPTION)
    .option('--private-key-file <file>', 'a file with 64 hex digits; - is standard input')
    .option('--mnemonic-file <file>', 'a file with the words of a mnemonic; - is standard input')
    .option('--keystore-file <file>', 'a keystore of geth, ethers or another wallet')
    .option(
      '--index <n>',
      "account of the mnemonic: m/44'/60'/0'/0/n",
      integerFrom(0, 2 ** 31 - 1),
      0,
    )
    .option('--encrypt', 'encrypt the key here with a password that is asked for')
  addNewPasswordOptions(addPasswordOptions(command))
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `
The password of --password-file or --password-fd opens a keystore; with --new-password-file or
--new-password-fd, or with --encrypt, the key is stored encrypted. A key that signed on this chain
needs its last-signed state too: see "nexus keys guard".

Examples:
  nexus keys import --private-key-file - < key.txt
  nexus keys import --keystore-file UTC--2026-01-01T00-00-00Z--f39f… --encrypt`,
    )
    .action((options: ImportOptions) => importKey(options, context))
}

async function importKey(options: ImportOptions, context: CliContext): Promise<void> {
  const paths = homePaths(resolveHome(context, options.home))
  const key = await readKey(options, context)
  if (key === null) throw notRead('these 32 bytes are not a secp256k1 private key')
  const { newPasswordFile, newPasswordFd, encrypt } = options
  const isEncrypted = newPasswordFile !== undefined || newPasswordFd !== undefined || encrypt
  const password = isEncrypted
    ? await readNewPassword(newPasswordPlace(options, context), 'Password for the validator key')
    : null
  makeHome(paths)
  await saveValidator(paths.validatorKey, key, password)
  key.privateKey.fill(0)
  await ensureNodeKey(paths)
  writeIdentity(paths, options, context)
}

/** Null: the bytes that were read are no key. */
async function readKey(options: ImportOptions, context: CliContext): Promise<ValidatorKey | null> {
  const { privateKeyFile, mnemonicFile, keystoreFile, index } = options
  const given = [privateKeyFile, mnemonicFile, keystoreFile].filter((file) => file !== undefined)
  const [file] = given
  if (file === undefined || given.length > 1)
    throw notRead('give one of --private-key-file, --mnemonic-file and --keystore-file')
  if (keystoreFile !== undefined)
    return readWalletKeystore(resolveFile(context, file), () =>
      readPassword(passwordPlace(options, context), `Password of ${file}`),
    )
  const text = file === '-' ? await context.readInput() : readTextFile(resolveFile(context, file))
  if (privateKeyFile !== undefined) {
    const parsed = parseHex(text.trim())
    if (parsed.ok && parsed.value.length === 32) return validatorKeyOf(parsed.value)
    throw notRead('the input is not 64 hex digits')
  }
  const accounts = accountsOf(text, 1, index)
  const account = accounts.ok ? accounts.value[0] : undefined
  if (account === undefined) throw notRead('the input is not a BIP-39 mnemonic in English')
  return validatorKeyOf(account.privateKey)
}

const notRead = (message: string): NexusError =>
  new NexusError({ code: 'KEY_NOT_READ' }, { message })
