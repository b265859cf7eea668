import type { Common } from '@ethereumjs/common'
import {
  EVM,
  EVMError,
  type EVMMockBlockchainInterface,
  type EVMResult,
  type ExecResult,
  type Log,
  type Message,
} from '@ethereumjs/evm'
import { Account, type Address, createZeroAddress } from '@ethereumjs/util'
import { assert } from '../../core/primitives/assert.ts'
import type { EngineGate } from '../engineGate.ts'
import type { NexusStateManager } from '../state/stateManager.ts'
import type { RunGuard } from '../vm/vm.ts'
import { createBls, createBn254 } from './curves.ts'
import { callEngine } from './engineCall.ts'
import { createInterpreterClass, type InterpreterClass, type StepWatch } from './loop.ts'
import { asLibraryJournal, WarmJournal } from './warmJournal.ts'

export type NexusEvmOptions = {
  readonly common: Common
  readonly stateManager: NexusStateManager
  readonly guard: RunGuard
  readonly gate: EngineGate
  /** Hash of an earlier block for BLOCKHASH; null outside the last 256. */
  readonly ancestorHash: (number: number) => Uint8Array | null
}

/** The library's EVM with our loop around its opcodes. */
export class NexusEvm extends EVM {
  readonly #manager: NexusStateManager
  readonly #gate: EngineGate
  readonly warmJournal: WarmJournal
  #interpreter: InterpreterClass | null = null

  constructor(options: NexusEvmOptions) {
    super({
      common: options.common,
      stateManager: options.stateManager,
      blockchain: blockchainOf(options.ancestorHash),
      bls: createBls(),
      bn254: createBn254(),
    })
    this.#manager = options.stateManager
    this.#gate = options.gate
    this.warmJournal = new WarmJournal(options.stateManager, this.precompiles.keys())
    this.journal = asLibraryJournal(this.warmJournal)
  }

  /** Runs STOP once in the library's interpreter, which it does not export, and builds ours on its class. */
  async adoptInterpreter(guard: RunGuard, watch: StepWatch | null): Promise<void> {
    const { runState } = await this.runCode({ code: Uint8Array.of(0), gasLimit: 1n })
    assert(runState !== undefined, 'a run shows its state')
    const library = runState.interpreter.constructor as InterpreterClass
    this.#interpreter = createInterpreterClass(library, {
      common: this.common,
      manager: this.#manager,
      journal: this.warmJournal,
      gate: this.#gate,
      guard,
      watch,
    })
  }

  /** `runCall` has opened the frame, and reverts it if the result is an exception. */
  protected override async _executeCall(message: Message & { to: Address }): Promise<EVMResult> {
    if (!this.#gate.isEngine(message.codeAddress.bytes)) return super._executeCall(message)
    return { execResult: callEngine(this.#gate, this.#manager.flat, message) }
  }

  /** The library's method, except for the class it makes an instance of. */
  protected override async runInterpreter(
    message: Message,
    opts: { readonly initialLogs?: Log[]; readonly pc?: number } = {},
  ): Promise<ExecResult> {
    if (this.#interpreter === null) return super.runInterpreter(message, opts)
    const address = message.to ?? createZeroAddress()
    const transaction = this._tx
    assert(transaction !== undefined && this._block !== undefined, 'code runs inside a call')
    const interpreter = new this.#interpreter(
      this,
      this.stateManager,
      this.blockchain,
      {
        address,
        caller: message.caller,
        callData: message.data,
        callValue: message.value,
        code: message.code as Uint8Array,
        isStatic: message.isStatic,
        isCreate: (message as { readonly isCreate?: boolean }).isCreate ?? false,
        depth: message.depth,
        gasPrice: transaction.gasPrice,
        origin: transaction.origin,
        block: this._block,
        contract: (await this.stateManager.getAccount(address)) ?? new Account(),
        codeAddress: message.codeAddress,
        gasRefund: message.gasRefund,
        chargeCodeAccesses: false,
        blobVersionedHashes: message.blobVersionedHashes ?? [],
        ...(message.createdAddresses === undefined
          ? {}
          : { createdAddresses: message.createdAddresses }),
      },
      message.gasLimit,
      this.journal,
      this.performanceLogger,
    )
    const inner = interpreter._result
    if (message.selfdestruct !== undefined) inner.selfdestruct = message.selfdestruct
    if (message.createdAddresses !== undefined) inner.createdAddresses = message.createdAddresses
    const { runState, exceptionError } = await interpreter.run(message.code as Uint8Array)
    const halted =
      exceptionError !== undefined && exceptionError.error !== EVMError.errorMessages.REVERT
    const kept =
      exceptionError === undefined
        ? inner
        : {
            ...inner,
            logs: [],
            selfdestruct: new Map(),
            createdAddresses: new Set<`0x${string}`>(),
          }
    return {
      ...kept,
      ...(exceptionError === undefined ? {} : { exceptionError }),
      gas: runState.gasLeft,
      executionGasUsed: halted ? message.gasLimit : message.gasLimit - runState.gasLeft,
      gasRefund: runState.gasRefund,
      returnValue: inner.returnValue ?? new Uint8Array(0),
    }
  }
}

/** `memoize(common)` comes after this: constructing the EVM completes the parameters. */
export async function createNexusEvm(
  options: NexusEvmOptions & { readonly watch: StepWatch | null },
): Promise<NexusEvm> {
  const evm = new NexusEvm(options)
  await evm.adoptInterpreter(options.guard, options.watch)
  return evm
}

function blockchainOf(ancestorHash: NexusEvmOptions['ancestorHash']): EVMMockBlockchainInterface {
  const blockchain: EVMMockBlockchainInterface = {
    getBlock: async (number) => {
      const hash = ancestorHash(number) ?? new Uint8Array(32)
      return { hash: () => hash }
    },
    putBlock: async () => {},
    shallowCopy: () => blockchain,
  }
  return blockchain
}
