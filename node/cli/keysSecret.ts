import type { Command } from 'commander'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type HomePaths, homePaths } from '../config/paths.ts'
import { createSecretFile } from '../keys/files.ts'
import type { KeyFiles } from '../keys/keyFile.ts'
import { nodeKeyFiles } from '../keys/nodeKey.ts'
import { AskedPassword, readNewPassword, readPassword } from '../keys/password.ts'
import { validatorKeyFiles } from '../keys/validatorKey.ts'
import {
  type CliContext,
  HOME_OPTION,
  type HomeOptions,
  JSON_OPTION,
  json,
  resolveFile,
  resolveHome,
} from './context.ts'
import {
  addNewPasswordOptions,
  addPasswordOptions,
  type NewPasswordOptions,
  newPasswordPlace,
  type PasswordOptions,
  passwordPlace,
} from './passwords.ts'

type WhichOptions = HomeOptions & PasswordOptions & { readonly node?: true }

const NODE_OPTION = ['--node', 'the node key instead of the validator key'] as const

export function addEncrypt(keys: Command, context: CliContext): void {
  const command = keys
    .command('encrypt')
    .description('encrypt a key file with a new password')
    .option(...HOME_OPTION)
    .option(...NODE_OPTION)
  addPasswordOptions(command)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `
The old contents may still be read from the disk itself: a key that must be secret from whoever
gets the disk is encrypted when it is made. One password opens both keys of a node.

Example:
  nexus keys encrypt --home ~/.nexus/node`,
    )
    .action((options: WhichOptions) =>
      change(options, context, async (files, file) => {
        if (files.inspect(file).encrypted)
          throw new NexusError(
            { code: 'KEY_ENCRYPTED', path: file },
            { message: `${file} is encrypted already; see "nexus keys change-password"` },
          )
        const key = files.load(file)
        const place = passwordPlace(options, context)
        await files.rewrite(file, key, await readNewPassword(place, `New password of ${file}`))
      }),
    )
}

export function addDecrypt(keys: Command, context: CliContext): void {
  const command = keys
    .command('decrypt')
    .description('store a key file without a password')
    .option(...HOME_OPTION)
    .option(...NODE_OPTION)
  addPasswordOptions(command)
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  nexus keys decrypt --password-file /root/password')
    .action((options: WhichOptions) =>
      change(options, context, async (files, file) => {
        const password = asked(options, context, file)
        await files.rewrite(file, await files.open(file, password.get), null)
      }),
    )
}

export function addChangePassword(keys: Command, context: CliContext): void {
  const command = keys
    .command('change-password')
    .description('encrypt a key file with another password')
    .option(...HOME_OPTION)
    .option(...NODE_OPTION)
  addNewPasswordOptions(addPasswordOptions(command))
    .option(...JSON_OPTION)
    .addHelpText('after', '\nExample:\n  nexus keys change-password --home ~/.nexus/node')
    .action((options: WhichOptions & NewPasswordOptions) =>
      change(options, context, async (files, file) => {
        if (!files.inspect(file).encrypted)
          throw new NexusError(
            { code: 'KEY_NOT_ENCRYPTED', path: file },
            { message: `${file} has no password; see "nexus keys encrypt"` },
          )
        const key = await files.open(file, asked(options, context, file).get)
        const place = newPasswordPlace(options, context)
        await files.rewrite(file, key, await readNewPassword(place, `New password of ${file}`))
      }),
    )
}

type ExportOptions = HomeOptions &
  PasswordOptions &
  NewPasswordOptions & { readonly output: string; readonly unencrypted?: true }

export function addExport(keys: Command, context: CliContext): void {
  const command = keys
    .command('export')
    .description('write the validator key to a keystore that other wallets read')
    .requiredOption('-o, --output <file>', 'the file to make; one that exists is not replaced')
    .option('--unencrypted', 'write 64 hex digits instead, for whoever can read the file')
    .option(...HOME_OPTION)
  addNewPasswordOptions(addPasswordOptions(command))
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `
The same key on two machines signs twice sooner or later. An export is a backup, or the first half
of a move ("Moving a validator" in docs/operations.md).

Example:
  nexus keys export -o /media/backup/validator.json`,
    )
    .action((options: ExportOptions) => exportKey(options, context))
}

async function exportKey(options: ExportOptions, context: CliContext): Promise<void> {
  const { validatorKey } = homePaths(resolveHome(context, options.home))
  const target = resolveFile(context, options.output)
  const key = await validatorKeyFiles.open(validatorKey, asked(options, context, validatorKey).get)
  if (options.unencrypted) createSecretFile(target, `${toHex(key.privateKey)}\n`)
  else {
    const place = newPasswordPlace(options, context)
    const password = await readNewPassword(place, `Password for ${target}`)
    await validatorKeyFiles.saveEncrypted(target, key, password)
  }
  key.privateKey.fill(0)
  const result = { file: target, encrypted: options.unencrypted === undefined }
  context.write(options.json ? json(result) : `Wrote ${target}`)
}

const asked = (options: PasswordOptions, context: CliContext, file: string): AskedPassword =>
  new AskedPassword(() => readPassword(passwordPlace(options, context), `Password of ${file}`))

/** Rewrites one of the two key files; a node that runs has read it and is not disturbed. */
async function change(
  options: WhichOptions,
  context: CliContext,
  rewrite: <K>(files: KeyFiles<K>, file: string) => Promise<void>,
): Promise<void> {
  const paths = homePaths(resolveHome(context, options.home))
  const file = fileOf(options, paths)
  await (options.node ? rewrite(nodeKeyFiles, file) : rewrite(validatorKeyFiles, file))
  const { encrypted } = (options.node ? nodeKeyFiles : validatorKeyFiles).inspect(file)
  const result = { file, encrypted }
  context.write(
    options.json ? json(result) : `${file} is ${encrypted ? 'encrypted' : 'not encrypted'} now`,
  )
}

const fileOf = ({ node }: WhichOptions, paths: HomePaths): string =>
  node ? paths.nodeKey : paths.validatorKey
