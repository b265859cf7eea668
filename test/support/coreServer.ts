// The real RPC server on loopback before a fake NexusCore, with clients of two people.
import { afterEach } from 'vitest'
import { defaultChannelLimits } from '../../rpc/channels/channelHub.ts'
import { createNexusClient, createNonces, privateKeySigner } from '../../rpc/client/index.ts'
import { defaultRpcOptions, startRpcServer } from '../../rpc/index.ts'
import type { RpcLimits } from '../../rpc/options.ts'
import type { RpcServer } from '../../rpc/server.ts'
import { breakableProxy } from './breakableProxy.ts'
import { alice, bob, engineTables } from './coreAccounts.ts'
import { CORE_TIME, FakeCore } from './fakeCore.ts'
import { FakeRpcBackend } from './fakeRpcBackend.ts'
import { until } from './wait.ts'

export const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

export async function serve(
  backend: FakeRpcBackend,
  {
    port = 0,
    limits = {},
    channels = {},
  }: {
    port?: number
    limits?: Partial<RpcLimits>
    channels?: Partial<typeof defaultChannelLimits>
  } = {},
): Promise<RpcServer> {
  const server = await startRpcServer(
    { ...defaultRpcOptions, port, limits: { ...defaultRpcOptions.limits, ...limits } },
    {
      backend,
      onCall: () => undefined,
      onRefused: () => undefined,
      onFault: (error) => {
        throw error
      },
      channelLimits: { ...defaultChannelLimits, ...channels },
    },
  )
  cleanups.push(() => server.close())
  return server
}

export async function start(options: Parameters<typeof serve>[1] = {}) {
  const backend = new FakeRpcBackend()
  const core = new FakeCore([alice.address, bob.address])
  backend.core = core
  const server = await serve(backend, options)
  const line = await breakableProxy(server.port)
  cleanups.push(() => line.close())
  const nonces = createNonces(() => CORE_TIME)
  const clientOf = (who: typeof alice, url = server.url) => {
    const client = createNexusClient({
      url,
      engines: engineTables,
      signer: privateKeySigner(who.key),
      nonces,
    })
    cleanups.push(() => client.close())
    return client
  }
  /** A block for each action that comes, as on a quiet chain. */
  const mineEach = (): void => {
    core.onSubmit = async () => {
      setImmediate(() => backend.mine())
      return { ok: true, value: null }
    }
  }
  /** Ends every connection of the clients, and waits until the server knows. */
  const cut = async (): Promise<void> => {
    line.cut()
    await until({ what: 'them to be gone', everyMs: 1 }, () => server.load().webSocketClients === 0)
  }
  /** Over a line that can be cut. */
  const readerOf = (who: typeof alice) => clientOf(who, `http://127.0.0.1:${line.port}`)
  return {
    backend,
    core,
    server,
    cut,
    mend: line.mend,
    clientOf,
    readerOf,
    mineEach,
    alice: clientOf(alice),
    bob: clientOf(bob),
  }
}
