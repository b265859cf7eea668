import type { BackendEvent, RpcBackend } from './backend.ts'
import { ChannelHub, type ChannelLimits } from './channels/channelHub.ts'
import { DisconnectGuards } from './channels/disconnectGuards.ts'
import type { CoreBackend } from './coreBackend.ts'
import type { DispatcherModules } from './dispatcher.ts'
import { wireErrorOf } from './jsonRpc.ts'
import { ReceiptWaiters } from './receiptWaiters.ts'

/** What lives longer than a call where the node runs engines. */
export type CoreServices = {
  readonly backend: CoreBackend
  readonly chainId: number
  readonly waiters: ReceiptWaiters
  readonly channels: ChannelHub
  readonly guards: DisconnectGuards
}

export type CoreServicesModules = {
  readonly backend: RpcBackend
  readonly limits: ChannelLimits
  readonly onCall: DispatcherModules['onCall']
  readonly onFault: DispatcherModules['onFault']
}

/** The name under which what guards submit is counted. */
const GUARD = 'nexus_cancelOnDisconnect'

/** Null: the node runs no engines. */
export function createCoreServices({
  backend,
  limits,
  onCall,
  onFault,
}: CoreServicesModules): CoreServices | null {
  const { core } = backend
  if (core === undefined) return null
  return {
    backend: core,
    chainId: backend.identity.chainId,
    waiters: new ReceiptWaiters({ location: (hash) => core.receipt(hash) }),
    channels: new ChannelHub(core, backend.height(), limits),
    guards: new DisconnectGuards({
      core,
      onOutcome: (outcome) =>
        onCall(GUARD, outcome.ok ? 'ok' : String(wireErrorOf(outcome.failure).code), 0),
      onFault: (error) => onFault(error, GUARD),
    }),
  }
}

export function publishCore(
  { waiters, channels }: CoreServices,
  event: Extract<BackendEvent, { readonly kind: 'core' }>,
): void {
  // Reading what a height left behind costs more than executing it: only for those who listen.
  if (waiters.size > 0) waiters.head(event.receipts.map(({ hash }) => hash))
  channels.core(event)
}
