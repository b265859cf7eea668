import type { Command } from 'commander'
import { NexusError } from '../../core/primitives/errors.ts'
import { checksumAddress } from '../../genesis/index.ts'
import { homePaths } from '../config/paths.ts'
import { LastSignedFile, readLastSigned, SIGN_STEP, signedUpTo } from '../consensus/lastSigned.ts'
import { readGenesis } from '../home.ts'
import { validatorIdentityIn } from '../keys/validatorKey.ts'
import { nodeFileSystem } from '../storage/fileSystem.ts'
import {
  type CliContext,
  HOME_OPTION,
  type HomeOptions,
  JSON_OPTION,
  json,
  resolveHome,
} from './context.ts'
import { integerFrom } from './values.ts'

type GuardOptions = HomeOptions & { readonly create?: true; readonly above?: number }

/** Shows what keeps a validator from signing twice, or makes it after its loss. */
export function addGuard(keys: Command, context: CliContext): void {
  keys
    .command('guard')
    .description('show the last signature of the validator, or replace a lost last-signed state')
    .option('--create', 'make the state; one that exists is never replaced')
    .option(
      '--above <height>',
      'with --create: refuse to sign up to this height',
      integerFrom(0, Number.MAX_SAFE_INTEGER),
    )
    .option(...HOME_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      `
The state is copied with the key when a validator moves, after it has stopped. When it is lost for
good, make one above every height that this key may have signed: take the height of the chain after
the old process has ended for certain, and add some. 0 is right only for a key that never signed.

Examples:
  nexus keys guard --home ~/.nexus/node --json
  nexus keys guard --create --above 123500`,
    )
    .action((options: GuardOptions) => guard(options, context))
}

async function guard(options: GuardOptions, context: CliContext): Promise<void> {
  const paths = homePaths(resolveHome(context, options.home))
  const file = paths.lastSigned
  if (options.create) {
    const { chainId } = readGenesis(paths.genesis).value
    const { address } = validatorIdentityIn(paths.validatorKey)
    await createGuard(file, { chainId, address }, options.above)
  }
  const state = await readLastSigned(file, nodeFileSystem)
  if (state === null)
    throw new NexusError(
      { code: 'LAST_SIGNED_MISSING', path: file },
      { message: `${file} does not exist` },
    )
  const { chainId, address, height, round, step } = state
  const name = Object.entries(SIGN_STEP).find(([, number]) => number === step)?.[0] ?? null
  const result = { file, chainId, address: checksumAddress(address), height, round, step: name }
  if (options.json) return context.write(json(result))
  const place = name === null ? 'nothing yet' : `${name} of height ${height} round ${round}`
  context.write(`Validator ${result.address} on chain ${chainId} signed last: ${place}`)
}

/** GUARD_HEIGHT_MISSING, LAST_SIGNED_EXISTS. */
export async function createGuard(
  file: string,
  identity: { readonly chainId: number; readonly address: Uint8Array },
  above: number | undefined,
): Promise<void> {
  if (above === undefined)
    throw new NexusError(
      { code: 'GUARD_HEIGHT_MISSING' },
      { message: '--create was given without --above' },
    )
  const first = above === 0 ? undefined : signedUpTo(above)
  await LastSignedFile.create(file, identity, nodeFileSystem, first)
}
