// A fake NexusCore with an RPC server around it and no port: two people who trade, and connections that listen.
import { createNexusClient, privateKeySigner } from '../../rpc/client/index.ts'
import { data } from '../../rpc/format/hex.ts'
import { Subscriber } from '../../rpc/subscriptions.ts'
import { alice, bob, engineTables, order } from './coreAccounts.ts'
import { CORE_TIME, FakeCore } from './fakeCore.ts'
import { RpcHarness } from './rpcHarness.ts'
import { TEST_CHAIN_ID } from './testChain.ts'

export type Message = {
  readonly sequence: number
  readonly previous: number
  readonly time: number
  readonly data: unknown
}
export type Start = {
  readonly subscription: string
  readonly sequence: number
  readonly outOfSync: boolean
  readonly snapshot: unknown
  readonly replay: readonly Message[]
}
type Notification = {
  readonly method: string
  readonly params: { readonly subscription: string; readonly result: Message }
}

let nonce = CORE_TIME
const clientOf = (who: typeof alice) =>
  createNexusClient({
    url: 'http://nowhere.invalid',
    engines: engineTables,
    signer: privateKeySigner(who.key),
    chainId: TEST_CHAIN_ID,
    nonces: () => ++nonce,
  })
/** They only sign. */
export const traders = { alice: clientOf(alice), bob: clientOf(bob) }
export const { exchange, ledger } = traders.alice.actions

type Who = keyof typeof traders
export type AnyAction = Parameters<typeof traders.alice.sign>[0][number]

/** One trade at 1,000, for the next block. */
export async function trade(core: FakeCore): Promise<void> {
  for (const [who, side] of [
    ['alice', 'sell'],
    ['bob', 'buy'],
  ] as const) {
    const { bytes } = await traders[who].sign([exchange.placeOrder(order(side, 1_000, 1))])
    await core.submitAction(bytes)
  }
}

export class ChannelWorld {
  readonly core = new FakeCore([alice.address, bob.address])
  readonly rpc = new RpcHarness([], {}, this.core)

  async act(who: Who, ...actions: AnyAction[]): Promise<void> {
    const { bytes } = await traders[who].sign(actions)
    await this.rpc.result('nexus_sendAction', [data(bytes)])
  }
  place(who: Who, ...orders: ReturnType<typeof order>[]): Promise<void> {
    return this.act(who, ...orders.map((one) => exchange.placeOrder(one)))
  }
  mine(): void {
    this.rpc.backend.mine()
  }

  /** A connection, and what came over it. */
  connect(limit = 32) {
    const texts: string[] = []
    const subscriber = new Subscriber((text) => texts.push(text), limit)
    const ask = (channel: unknown, params: unknown) =>
      this.rpc.ask('nexus_subscribe', [channel, params], subscriber)
    const join = async (channel: string, params: object): Promise<Start> => {
      const { result, error } = await ask(channel, params)
      if (error !== undefined) throw new Error(`${error.message} ${JSON.stringify(error.data)}`)
      return result as Start
    }
    /** Of one subscription, or all. */
    const told = (subscription?: string): Message[] =>
      texts
        .map((text) => JSON.parse(text) as Notification)
        .filter(({ method }) => method === 'nexus_subscription')
        .filter(({ params }) => subscription === undefined || params.subscription === subscription)
        .map(({ params }) => params.result)
    return { subscriber, ask, join, told }
  }
}
