import type { Command } from 'commander'
import { type PasswordPlace, readNewPassword } from '../keys/password.ts'
import { type CliContext, resolveFile } from './context.ts'
import { integerFrom } from './values.ts'

export type PasswordOptions = {
  readonly passwordFile?: string
  readonly passwordFd?: number
}
export type NewPasswordOptions = {
  readonly newPasswordFile?: string
  readonly newPasswordFd?: number
}

/** No option takes a password itself: arguments and variables are visible to others. */
export function addPasswordOptions(command: Command): Command {
  return command
    .option('--password-file <file>', 'a file whose first line is the password')
    .option(
      '--password-fd <n>',
      'an open file descriptor to read the password from',
      integerFrom(0, 1_000_000),
    )
}

export function addNewPasswordOptions(command: Command): Command {
  return command
    .option('--new-password-file <file>', 'a file whose first line is the new password')
    .option(
      '--new-password-fd <n>',
      'an open file descriptor to read the new password from',
      integerFrom(0, 1_000_000),
    )
}

export const passwordPlace = (options: PasswordOptions, context: CliContext): PasswordPlace => ({
  file: options.passwordFile === undefined ? null : resolveFile(context, options.passwordFile),
  descriptor: options.passwordFd ?? null,
  prompt: context.askHidden ?? null,
})

export const newPasswordPlace = (
  { newPasswordFile, newPasswordFd }: NewPasswordOptions,
  context: CliContext,
): PasswordPlace =>
  passwordPlace(
    {
      ...(newPasswordFile === undefined ? {} : { passwordFile: newPasswordFile }),
      ...(newPasswordFd === undefined ? {} : { passwordFd: newPasswordFd }),
    },
    context,
  )

export type EncryptOptions = PasswordOptions & { readonly encrypt?: true }

/** For a key that is made: null when no password is wanted. */
export async function passwordOfNewKey(
  options: EncryptOptions,
  context: CliContext,
): Promise<Uint8Array | null> {
  const { encrypt, passwordFile, passwordFd } = options
  if (encrypt === undefined && passwordFile === undefined && passwordFd === undefined) return null
  return readNewPassword(passwordPlace(options, context), 'Password for the new validator key')
}
