import type { StateEdit } from '../../core/chain/stateEdit.ts'
import type { Result } from '../../core/primitives/result.ts'
import { EDITS_ADDRESS, encodeEdit } from '../../evm/index.ts'
import {
  type BackendEvent,
  type DevnetAnswer,
  type DevnetBackend,
  type DevnetCode,
  type DevnetRequest,
  fail,
  type Outcome,
  type UnsignedTransaction,
} from '../../rpc/index.ts'
import type { DevnetWallet } from '../devnet/wallet.ts'

export type DevnetServiceModules = {
  readonly wallet: DevnetWallet
  readonly request: (request: DevnetRequest) => Promise<Result<DevnetAnswer, DevnetCode>>
  /** Of what is read here. */
  readonly height: () => number
  readonly subscribe: (listener: (event: BackendEvent) => void) => () => void
}

/** `DevnetBackend` in the RPC thread: keys here, time and blocks in the node thread. */
export class DevnetService implements DevnetBackend {
  readonly hardfork: string
  readonly accounts: readonly Uint8Array[]
  readonly faucet: Uint8Array
  readonly #modules: DevnetServiceModules

  constructor(hardfork: string, modules: DevnetServiceModules) {
    this.hardfork = hardfork
    this.#modules = modules
    this.accounts = modules.wallet.addresses
    this.faucet = modules.wallet.faucet
  }

  signDigest(signer: Uint8Array, digest: Uint8Array): Uint8Array | null {
    return this.#modules.wallet.signDigest(signer, digest)
  }

  signTransaction(signer: Uint8Array, transaction: UnsignedTransaction): Uint8Array | null {
    return this.#modules.wallet.signTransaction(signer, transaction)
  }

  get impersonated(): readonly Uint8Array[] {
    return this.#modules.wallet.impersonated
  }
  impersonate(address: Uint8Array): void {
    this.#modules.wallet.impersonate(address)
  }
  stopImpersonating(address: Uint8Array): void {
    this.#modules.wallet.stopImpersonating(address)
  }
  impersonateAll(isOn: boolean): void {
    this.#modules.wallet.impersonateAll(isOn)
  }
  impersonates(address: Uint8Array): boolean {
    return this.#modules.wallet.impersonates(address)
  }

  editOf(edit: StateEdit): { readonly to: Uint8Array; readonly data: Uint8Array } {
    return { to: EDITS_ADDRESS, data: encodeEdit(edit) }
  }

  async control(request: DevnetRequest): Promise<Outcome<DevnetAnswer>> {
    const result = await this.#modules.request(request)
    if (!result.ok) return fail({ code: result.code })
    await this.#reached(result.value.height)
    return result
  }

  /** The node thread commits a block a moment before it can be read here. */
  #reached(wanted: number): Promise<void> {
    const { height, subscribe } = this.#modules
    if (height() >= wanted) return Promise.resolve()
    return new Promise((resolve) => {
      const unsubscribe = subscribe((event) => {
        if (event.kind !== 'head' || event.outline.header.number < wanted) return
        unsubscribe()
        resolve()
      })
    })
  }
}
