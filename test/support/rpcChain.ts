// A real chain behind the RPC server's dispatcher, without a port: each result is held against its schema.
import { createSimulator } from '../../evm/index.ts'
import { faucetOf, type Genesis } from '../../genesis/genesis.ts'
import { coreRegistry } from '../../node/engines/registry.ts'
import { ChainBackend, defaultChainBackendOptions } from '../../node/rpc/chainBackend.ts'
import type { GatewayApi } from '../../node/rpc/gateway.ts'
import type { ReplayFees } from '../../node/rpc/inspection.ts'
import { ChainReader, defaultChainReaderOptions } from '../../node/storage/chainReader.ts'
import { SenderRecovery } from '../../node/transactions/senderRecovery.ts'
import { UNLIMITED } from '../../rpc/clientBudgets.ts'
import { Dispatcher } from '../../rpc/dispatcher.ts'
import { Filters } from '../../rpc/filters.ts'
import { methodsOf } from '../../rpc/methods/table.ts'
import { defaultRpcOptions, type RpcLimits } from '../../rpc/options.ts'
import { ReceiptWaiters } from '../../rpc/receiptWaiters.ts'
import { faultsOf, openRpc } from './openRpc.ts'
import type { RealChain } from './realChain.ts'
import { replicaOf } from './replica.ts'
import type { Answer } from './rpcHarness.ts'

export const feesOf = ({ consensus, evm }: Genesis): ReplayFees => ({
  baseFeeRecipient: consensus.baseFeeRecipient,
  tipRecipient: consensus.tipRecipient,
  treasury: evm.treasury,
})

export class RpcChain {
  readonly chain: RealChain
  readonly backend: ChainBackend
  readonly faults: unknown[] = []
  readonly #reader: ChainReader
  readonly #dispatcher: Dispatcher

  private constructor(chain: RealChain, reader: ChainReader, parts: Parts) {
    const { backend, limits } = parts
    this.chain = chain
    this.#reader = reader
    this.backend = backend
    const options = { ...defaultRpcOptions, limits: { ...defaultRpcOptions.limits, ...limits } }
    const filters = new Filters(backend, options.limits)
    this.#dispatcher = new Dispatcher({
      methods: methodsOf({ options, backend, filters, receipts: new ReceiptWaiters(backend) }),
      limits: options.limits,
      onCall: () => undefined,
      onRefused: () => undefined,
      onFault: (fault) => this.faults.push(fault),
    })
  }

  static async over(
    chain: RealChain,
    options: {
      readonly gateway?: Partial<GatewayApi>
      readonly limits?: Partial<RpcLimits>
      readonly callGas?: number
    } = {},
  ): Promise<RpcChain> {
    const { gateway: given = {}, limits = {}, callGas = 50_000_000 } = options
    const { identity, genesis } = chain
    const gateway: Partial<GatewayApi> = {
      pendingNonce: () => null,
      pendingTransaction: () => null,
      ...given,
    }
    const reader = await ChainReader.open(chain.directory, {
      ...defaultChainReaderOptions,
      ...identity,
    })
    const rules = { chainId: genesis.chainId, blockGasLimit: genesis.consensus.maxBlockGas }
    const call = async (method: keyof GatewayApi, argument: unknown): Promise<unknown> =>
      structuredClone(gateway[method]?.(structuredClone(argument) as never))
    const backend = new ChainBackend(
      {
        ...{ ...defaultChainBackendOptions, callGas, rules, fees: feesOf(genesis) },
        identity: { ...identity, clientVersion: 'test' },
        core: {
          chainId: genesis.chainId,
          blockGas: genesis.core.blockGas,
          gasRatio: genesis.core.gasRatio,
        },
      },
      {
        reader,
        simulator: await createSimulator({
          chainId: genesis.chainId,
          hardfork: genesis.evm.hardfork,
          faucet: faucetOf(genesis),
        }),
        node: { call: call as never },
        replica: await replicaOf(chain),
        recovery: new SenderRecovery({
          ...{ rules, engines: coreRegistry.engines, threads: 0, eager: false },
        }),
      },
    )
    return new RpcChain(chain, reader, { backend, limits })
  }

  /** Commits a block and lets RPC know; the engines' state follows a turn later. */
  async mine(...transactions: readonly Uint8Array[]): Promise<void> {
    const { skipped } = await this.chain.block(transactions)
    if (skipped.length > 0) throw new Error(JSON.stringify(skipped))
    this.backend.committed()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async ask(method: string, ...params: readonly unknown[]): Promise<Answer> {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const caller = { budget: UNLIMITED, subscriber: null }
    return JSON.parse((await this.#dispatcher.answer(text, caller)) ?? 'null') as Answer
  }

  async result<T = Record<string, unknown>>(
    method: string,
    ...params: readonly unknown[]
  ): Promise<T> {
    const { result, error } = await this.ask(method, ...params)
    if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`)
    const schema = openRpc.results[method]
    const faults = schema === undefined ? [] : faultsOf(result, schema)
    if (faults.length > 0) throw new Error(`${method}: ${faults.join('; ')}`)
    return result as T
  }

  async error(method: string, ...params: readonly unknown[]) {
    const { error } = await this.ask(method, ...params)
    if (error === undefined) throw new Error(`${method} did not fail`)
    return error
  }

  /** Before the chain is started again. */
  async closeReader(): Promise<void> {
    this.backend.close()
    await this.#reader.close()
  }

  async close(): Promise<void> {
    await this.closeReader()
    await this.chain.close()
  }
}

type Parts = { readonly backend: ChainBackend; readonly limits: Partial<RpcLimits> }
