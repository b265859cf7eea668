// The parts of the RPC server around a fake node, without a port.
import { defaultChannelLimits } from '../../rpc/channels/channelHub.ts'
import { type ClientBudget, UNLIMITED } from '../../rpc/clientBudgets.ts'
import { type CoreServices, createCoreServices, publishCore } from '../../rpc/coreServices.ts'
import { Dispatcher, type DispatcherModules } from '../../rpc/dispatcher.ts'
import { Filters } from '../../rpc/filters.ts'
import { methodsOf } from '../../rpc/methods/table.ts'
import { defaultRpcOptions, type RpcLimits, type RpcOptions } from '../../rpc/options.ts'
import { ReceiptWaiters } from '../../rpc/receiptWaiters.ts'
import type { Subscriber } from '../../rpc/subscriptions.ts'
import type { FakeCore } from './fakeCore.ts'
import { FakeRpcBackend, type FakeTransaction } from './fakeRpcBackend.ts'

export type Answer = {
  readonly jsonrpc: string
  readonly id: unknown
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

export class RpcHarness {
  readonly backend: FakeRpcBackend
  readonly filters: Filters
  readonly core: CoreServices | null
  readonly dispatcher: Dispatcher
  readonly calls: { method: string; code: string; seconds: number }[] = []
  readonly faults: unknown[] = []
  readonly refused: string[] = []

  constructor(
    blocks: readonly (readonly FakeTransaction[])[] = [],
    limits: Partial<RpcLimits> = {},
    core: FakeCore | null = null,
  ) {
    this.backend = new FakeRpcBackend(blocks)
    if (core !== null) this.backend.core = core
    const options: RpcOptions = {
      ...defaultRpcOptions,
      limits: { ...defaultRpcOptions.limits, ...limits },
    }
    const { backend } = this
    this.filters = new Filters(backend, options.limits)
    const receipts = new ReceiptWaiters(backend)
    const onCall: DispatcherModules['onCall'] = (method, code, seconds) =>
      this.calls.push({ method, code, seconds })
    const onFault = (fault: unknown) => this.faults.push(fault)
    this.core = createCoreServices({ backend, limits: defaultChannelLimits, onCall, onFault })
    backend.subscribe((event) => {
      if (event.kind === 'core' && this.core !== null) publishCore(this.core, event)
      if (event.kind === 'head') receipts.head(event.outline.hashes)
      if (event.kind === 'pendingTransactions') this.filters.pendingTransactions(event.hashes)
    })
    this.dispatcher = new Dispatcher({
      methods: methodsOf({ options, backend, filters: this.filters, receipts, core: this.core }),
      limits: options.limits,
      onCall,
      onRefused: (reason) => this.refused.push(reason),
      onFault,
    })
  }

  /** The text as it comes, the answer as it goes. */
  async raw(
    text: string,
    subscriber: Subscriber | null = null,
    budget: ClientBudget = UNLIMITED,
  ): Promise<string | null> {
    return this.dispatcher.answer(text, { budget, subscriber })
  }

  async ask(
    method: string,
    params: readonly unknown[] = [],
    subscriber: Subscriber | null = null,
  ): Promise<Answer> {
    const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const answer = await this.raw(text, subscriber)
    if (answer === null) throw new Error(`${method} was not answered`)
    return JSON.parse(answer) as Answer
  }

  /** The result; an error fails the test that asks. */
  async result<T = unknown>(method: string, params: readonly unknown[] = []): Promise<T> {
    const { result, error } = await this.ask(method, params)
    if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`)
    return result as T
  }

  async error(method: string, params: readonly unknown[] = []) {
    const { error } = await this.ask(method, params)
    if (error === undefined) throw new Error(`${method} did not fail`)
    return error
  }
}
