import { EMPTY_BYTES, fromHex, toHex } from '../core/primitives/bytes.ts'
import { addressOfPrivateKey } from '../core/primitives/signature.ts'
import type { KeepAliveClient } from './keepAlive.ts'
import { type Sender, signTransaction, type TransferRequest } from './sign.ts'

const FUNDS = 20n * 10n ** 18n
/** Twenty seconds of 50 ms. */
const ATTEMPTS = 400

/** The account that pays for a run: gives coins away, deploys contracts, and waits for what it sent. */
export class Funder {
  readonly #client: KeepAliveClient
  readonly #chainId: number
  readonly #self: Sender
  readonly address: Uint8Array
  /** Next nonces of the accounts that sent something, by address; sends are one after the other. */
  readonly #nonces = new Map<string, { readonly sender: Sender; next: number }>()

  constructor(client: KeepAliveClient, chainId: number, privateKey: Uint8Array) {
    this.#client = client
    this.#chainId = chainId
    this.address = addressOfPrivateKey(privateKey)
    this.#self = { privateKey, address: this.address }
  }

  send(call: Omit<TransferRequest, 'chainId' | 'nonce'>): Promise<string> {
    return this.sendAs(this.#self, call)
  }

  /** The hash, as soon as the node has taken it: tries for as long as it asks to try again later. */
  async sendAs(sender: Sender, call: Omit<TransferRequest, 'chainId' | 'nonce'>): Promise<string> {
    const key = toHex(sender.address)
    const account = this.#nonces.get(key) ?? { sender, next: await this.nonceOf(sender) }
    this.#nonces.set(key, account)
    const nonce = account.next++
    const { raw } = signTransaction(sender, { chainId: this.#chainId, nonce, ...call })
    for (let i = 0; ; i++) {
      try {
        return await this.#client.call<string>('eth_sendRawTransaction', [raw])
      } catch (error) {
        if (i === ATTEMPTS || !/try again later/.test(String(error))) throw error
        await pause()
      }
    }
  }

  /** Gives each of them coins and waits until all have them. */
  async fund(senders: readonly Sender[]): Promise<void> {
    for (const { address } of senders)
      await this.send({ gas: 21_000, to: address, value: FUNDS, data: EMPTY_BYTES })
    await this.settled()
  }

  /** The address of the contract, once it is there. */
  async deploy(gas: number, data: Uint8Array): Promise<Uint8Array> {
    const hash = await this.send({ gas, to: EMPTY_BYTES, value: 0n, data })
    for (let i = 0; i < ATTEMPTS; i++) {
      type Found = { status: string; contractAddress: string } | null
      const receipt = await this.#client.call<Found>('eth_getTransactionReceipt', [hash])
      if (receipt?.status === '0x1') return fromHex(receipt.contractAddress)
      if (receipt !== null) break
      await pause()
    }
    throw new Error(`a contract of the benchmark was not deployed by ${hash}`)
  }

  /** Waits until everything that was sent is in a block. */
  async settled(): Promise<void> {
    for (const { sender, next } of this.#nonces.values()) {
      for (let i = 0; (await this.nonceOf(sender)) < next; i++) {
        if (i === ATTEMPTS) throw new Error('what prepares the benchmark was not included in time')
        await pause()
      }
    }
  }

  async nonceOf({ address }: Sender): Promise<number> {
    const tag = [`0x${toHex(address)}`, 'latest']
    return Number(await this.#client.call<string>('eth_getTransactionCount', tag))
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
