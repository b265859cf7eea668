import { NexusError } from '../core/primitives/errors.ts'
import { ActionFrames } from './actionFrames.ts'
import type { BackendEvent, RpcBackend } from './backend.ts'
import { type ChannelLimits, defaultChannelLimits } from './channels/channelHub.ts'
import { ClientBudgets } from './clientBudgets.ts'
import { type CoreServices, createCoreServices, publishCore } from './coreServices.ts'
import { Dispatcher, type DispatcherModules } from './dispatcher.ts'
import { Filters } from './filters.ts'
import { createHttp, defaultHttpTimes, type HttpTimes } from './http.ts'
import { methodsOf } from './methods/table.ts'
import type { RpcOptions } from './options.ts'
import { ReceiptWaiters } from './receiptWaiters.ts'
import { SubscriptionHub } from './subscriptions.ts'
import { attachWebSocket } from './webSocket.ts'

export type RpcServerModules = {
  readonly backend: RpcBackend
  readonly onCall: DispatcherModules['onCall']
  readonly onRefused: DispatcherModules['onRefused']
  readonly onFault: DispatcherModules['onFault']
  readonly channelLimits?: ChannelLimits
  readonly httpTimes?: HttpTimes
}

/** What is held at this moment, for metrics. */
export type RpcLoad = {
  readonly inFlight: number
  readonly webSocketClients: number
  readonly subscriptions: number
  readonly filters: number
  readonly channels: number
}

export type RpcServer = {
  /** For example `http://127.0.0.1:8545`; WebSocket is at the same place. */
  readonly url: string
  readonly port: number
  load(): RpcLoad
  close(): Promise<void>
}

const EXPIRE_MS = 10_000

/** JSON-RPC over HTTP and WebSocket on one port. PORT_IN_USE or PORT_UNAVAILABLE when it cannot listen. */
export async function startRpcServer(
  options: RpcOptions,
  {
    backend,
    onCall,
    onRefused,
    onFault,
    channelLimits = defaultChannelLimits,
    httpTimes,
  }: RpcServerModules,
): Promise<RpcServer> {
  const { limits } = options
  const filters = new Filters(backend, limits)
  const receipts = new ReceiptWaiters(backend)
  const hub = new SubscriptionHub(backend)
  const core = createCoreServices({ backend, limits: channelLimits, onCall, onFault })
  const methods = methodsOf({ options, backend, filters, receipts, core })
  const dispatcher = new Dispatcher({ methods, limits, onCall, onRefused, onFault })
  const budgets = new ClientBudgets(
    {
      unitsPerSecond: limits.clientUnitsPerSecond,
      burstUnits: limits.clientBurstUnits,
      exempt: options.unlimitedClients,
    },
    () => performance.now(),
  )
  const times = httpTimes ?? defaultHttpTimes
  const http = createHttp(options, { dispatcher, budgets, onRefused, times })
  const frames = framesOf(core, { inFlight: limits.inFlight, onCall, onRefused, onFault })
  const sockets = attachWebSocket(http.server, options, { dispatcher, hub, frames, budgets })
  const unsubscribe = backend.subscribe((event) =>
    publish(event, { filters, receipts, hub, core, onFault }),
  )
  const expiry = setInterval(() => filters.expire(), EXPIRE_MS)
  const close = async (): Promise<void> => {
    clearInterval(expiry)
    unsubscribe()
    core?.guards.close()
    sockets.close()
    await http.close()
  }
  try {
    await http.listen({ host: options.host, port: options.port })
  } catch (error) {
    await close()
    throw listenError(error, options)
  }
  const address = http.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : options.port
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    load: () => ({
      inFlight: dispatcher.inFlight,
      webSocketClients: sockets.clients,
      subscriptions: hub.size,
      filters: filters.size,
      channels: core?.channels.size ?? 0,
    }),
    close,
  }
}

const framesOf = (
  core: CoreServices | null,
  modules: Omit<ConstructorParameters<typeof ActionFrames>[0], 'submit'>,
): ActionFrames | null =>
  core === null
    ? null
    : new ActionFrames({ ...modules, submit: (bytes) => core.backend.submitAction(bytes) })

type Audience = {
  readonly filters: Filters
  readonly receipts: ReceiptWaiters
  readonly hub: SubscriptionHub
  readonly core: CoreServices | null
  readonly onFault: DispatcherModules['onFault']
}

function publish(event: BackendEvent, { filters, receipts, hub, core, onFault }: Audience): void {
  switch (event.kind) {
    case 'head':
      receipts.head(event.outline.hashes)
      hub.head(event.outline)
      return
    case 'pendingTransactions':
      filters.pendingTransactions(event.hashes)
      hub.pendingTransactions(event.hashes).catch((error) => onFault(error, 'eth_subscribe'))
      return
    case 'syncing':
      hub.syncing(event.isCatchingUp)
      return
    case 'wentBack':
      filters.wentBack(event.height)
      return
    case 'coreWentBack':
      core?.channels.wentBack(event)
      return
    case 'core':
      if (core !== null) publishCore(core, event)
      return
  }
}

function listenError(error: unknown, { host, port }: RpcOptions): NexusError {
  const reason = error instanceof Error ? error.message : String(error)
  const code = reason.includes('EADDRINUSE') ? 'PORT_IN_USE' : 'PORT_UNAVAILABLE'
  return new NexusError({ code, host, port, use: 'rpc', reason }, { message: reason })
}
