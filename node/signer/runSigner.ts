import { toHex } from '../../core/primitives/bytes.ts'
import { checksumAddress } from '../../core/primitives/checksumAddress.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { assertSignaturesAgree } from '../../core/primitives/signature.ts'
import { explainError } from '../cli/explain.ts'
import type { AskedPassword } from '../keys/password.ts'
import { validatorKeyFiles } from '../keys/validatorKey.ts'
import { acquireLock } from '../lock.ts'
import {
  createLogger,
  type LogFormat,
  type Logger,
  type LogLevel,
  type LogSink,
} from '../observability/logger.ts'
import { onShutdown, type StopReason } from '../shutdown.ts'
import { openFileSigner } from '../signing.ts'
import { formatSignerAddress, type SignerAddress } from './address.ts'
import type { SignerPaths } from './paths.ts'
import { loadSignerSecret } from './secret.ts'
import { defaultSignerServerOptions, SignerServer } from './server.ts'

export type RunSignerOptions = {
  readonly paths: SignerPaths
  readonly chainId: number
  readonly address: SignerAddress
  readonly log: { readonly level: LogLevel; readonly format: LogFormat }
  readonly password: AskedPassword
}

/** A signature takes milliseconds; a stop that takes longer waits for a disk that hangs. */
const STOP_DEADLINE_MS = 5_000

/**
 * Holds a validator key and signs until it is told to stop; ends the process with 0 then, and with 1
 * after a failure.
 */
export async function runSigner(options: RunSignerOptions): Promise<never> {
  const sink = createLogger({ ...options.log, node: 'signer' })
  const fail = (error: unknown): never => failSigner(error, sink)
  process.on('uncaughtException', fail)
  process.on('unhandledRejection', fail)
  const stopped = new Promise<StopReason>((resolve) => {
    onShutdown({ stop: resolve, force: () => process.exit(130) }, () => performance.now())
  })
  try {
    await serveUntil(stopped, options, { log: sink.log, fail })
  } catch (error) {
    fail(error)
  }
  sink.flush()
  process.exit(0)
}

async function serveUntil(
  stopped: Promise<StopReason>,
  { paths, chainId, address, password }: RunSignerOptions,
  { log, fail }: { readonly log: Logger; readonly fail: (error: unknown) => void },
): Promise<void> {
  assertSignaturesAgree()
  const lock = acquireLock(paths.lock)
  process.on('exit', () => lock.release())
  const secret = loadSignerSecret(paths.secret)
  const key = await validatorKeyFiles.open(paths.validatorKey, password.get)
  await password.wipe()
  const statePath = paths.lastSigned
  const signer = await openFileSigner({ chainId, privateKey: key.privateKey, statePath })
  key.privateKey.fill(0)
  const server = await SignerServer.listen(
    { ...defaultSignerServerOptions, address, chainId, secret },
    { signer, log, onFatal: fail },
  )
  const { height, round, step } = await signer.lastSigned()
  log.info('Signer ready', {
    ...{ chainId, pid: process.pid, address: formatSignerAddress(server.address) },
    validator: checksumAddress(key.address),
    publicKey: `0x${toHex(key.publicKey)}`,
    lastSigned: `${height}/${round}/${step}`,
  })
  log.info('Signer stops', { reason: await stopped })
  const deadline = setTimeout(
    () => fail(new NexusError({ code: 'STOP_TIMEOUT', ms: STOP_DEADLINE_MS })),
    STOP_DEADLINE_MS,
  )
  await server.close()
  await signer.close()
  secret.fill(0)
  clearTimeout(deadline)
}

function failSigner(error: unknown, { log, flush }: LogSink): never {
  const code = error instanceof NexusError ? error.detail.code : 'INTERNAL_ERROR'
  log.fatal('Signer failed', { code, error })
  flush()
  if (error instanceof NexusError) process.stderr.write(`${explainError(error)}\n`)
  process.exit(1)
}
