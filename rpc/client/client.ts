import { type SignatureForm, signedEnvelopeCodec } from '../../core/chain/action.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import {
  type Action,
  type Actions,
  actionsOf,
  type EngineTables,
  registryOf,
  type Views,
  viewsOf,
} from './engines.ts'
import { callHttp } from './http.ts'
import { type ChannelHandlers, type ChannelParams, Live, type Subscription } from './live.ts'
import { createNonces } from './nonces.ts'
import { type ActionResult, actionResultOf, type CallResult } from './results.ts'
import type { Signer } from './signer.ts'
import { type Hex, inputJson } from './values.ts'

export type ClientOptions<E extends EngineTables> = {
  /** Of the node's JSON-RPC, http(s) or ws(s). */
  readonly url: string
  readonly engines: E
  /** Without one the client only reads. */
  readonly signer?: Signer
  /** Asked of the node where absent. */
  readonly chainId?: number
  /** Most that one envelope may cost, in USDX units; 1 USDX where absent. */
  readonly maxFee?: number
  readonly nonces?: () => number
}

export type SendOptions = {
  readonly maxFee?: number
  /** Milliseconds; not valid in later blocks. */
  readonly expiresAfter?: number
  /** All stand or none. */
  readonly atomic?: boolean
  readonly form?: SignatureForm
  readonly nonce?: number
}

export type Signed = { readonly hash: Hex; readonly nonce: number; readonly bytes: Uint8Array }

const DEFAULT_MAX_FEE = 1_000_000
const DEFAULT_WAIT_MS = 10_000

/** A client of one node: nothing is opened before it is needed. */
export const createNexusClient = <const E extends EngineTables>(
  options: ClientOptions<E>,
): NexusClient<E> => new NexusClient(options)

/** Errors are NexusErrors: the node's stable code in `detail.code`, or that of a connection. */
export class NexusClient<E extends EngineTables> {
  readonly actions: Actions<E>
  readonly view: Views<E>
  readonly #options: ClientOptions<E>
  readonly #live: Live
  readonly #nonces: () => number
  #chainId: Promise<number> | null = null

  constructor(options: ClientOptions<E>) {
    this.#options = options
    this.#live = new Live(options.url)
    this.#nonces = options.nonces ?? createNonces()
    this.actions = actionsOf(options.engines)
    this.view = viewsOf(options.engines, (method, params) => this.call(method, params))
  }

  /** Who signs. */
  get address(): Hex {
    return `0x${toHex(this.#signer().address)}`
  }

  /** From now on calls and actions go over one WebSocket, actions as binary frames. */
  async connect(): Promise<void> {
    await this.#live.connect()
  }

  close(): void {
    this.#live.close()
  }

  /** Any JSON-RPC method. */
  call(method: string, params: readonly unknown[] = []): Promise<unknown> {
    const { connection } = this.#live
    return connection === null
      ? callHttp(this.#options.url.replace(/^ws/, 'http'), method, params)
      : connection.call(method, params)
  }

  /** Signs now, sends whenever. */
  async sign(actions: readonly Action[], options: SendOptions = {}): Promise<Signed> {
    const signer = this.#signer()
    const nonce = options.nonce ?? this.#nonces()
    const envelope = {
      chainId: await this.chainId(),
      signer: signer.address,
      nonce,
      expiresAfter: options.expiresAfter ?? null,
      maxFee: options.maxFee ?? this.#options.maxFee ?? DEFAULT_MAX_FEE,
      atomic: options.atomic ?? false,
      actions: actions.map(({ engine, fn, args }) => ({ engine, fn, args })),
    }
    const isReadable = signer.isWallet && actions.length === 1 && !envelope.atomic
    const form = options.form ?? (isReadable ? 'readable' : 'compact')
    const registry = registryOf(this.#options.engines)
    const signature = await signer.sign({ envelope, form, registry })
    const bytes = encode(signedEnvelopeCodec, { envelope, form, ...signature })
    return { hash: `0x${toHex(keccak256(bytes))}`, nonce, bytes }
  }

  /** Resolves when the node has taken it into its pool; throws why it has not. */
  async send(actions: readonly Action[], options: SendOptions = {}): Promise<Signed> {
    const signed = await this.sign(actions, options)
    await this.submit(signed.bytes)
    return signed
  }

  /** Hands over what was signed before. */
  async submit(bytes: Uint8Array): Promise<void> {
    const { connection } = this.#live
    if (connection === null) await this.call('nexus_sendAction', [inputJson(bytes)])
    else await connection.sendAction(bytes)
  }

  /** What became of it, once it is in a block. ACTION_TIMED_OUT. */
  async wait<const A extends readonly Action[]>(
    { hash }: Pick<Signed, 'hash'>,
    actions: A,
    timeoutMs: number = DEFAULT_WAIT_MS,
  ): Promise<ActionResult<A>> {
    return actionResultOf(await this.call('nexus_waitForAction', [hash, timeoutMs]), actions)
  }

  async sendAndWait<const A extends readonly Action[]>(
    actions: A,
    options: SendOptions & { readonly timeoutMs?: number } = {},
  ): Promise<ActionResult<A>> {
    return this.wait(await this.send(actions, options), actions, options.timeoutMs)
  }

  /** One action's result; a rejection is thrown with its code. */
  async run<A extends Action>(
    action: A,
    options: SendOptions & { readonly timeoutMs?: number } = {},
  ): Promise<NonNullable<CallResult<A>['result']>> {
    const { code, calls } = await this.sendAndWait([action] as const, options)
    const [call] = calls as readonly [CallResult<A>]
    const rejected = code ?? call?.code ?? null
    if (rejected !== null) throw new NexusError({ code: rejected, action: action.name })
    return call.result as NonNullable<CallResult<A>['result']>
  }

  /** Opens the WebSocket if need be. See `ChannelHandlers`. */
  subscribe(
    channel: string,
    params: ChannelParams,
    handlers: ChannelHandlers,
  ): Promise<Subscription> {
    return this.#live.subscribe(channel, params, handlers)
  }

  /**
   * The option of a subscription that makes the node submit `actions`, which may only cancel, when the
   * connection is lost for `graceMs`. Signed with a nonce ahead of time, since newer ones would make one
   * of now too old; it is good for `validMs` (below a day), so ask anew before that is over.
   */
  async cancelOnDisconnect(
    actions: readonly Action[],
    { graceMs, validMs = 12 * 3_600_000 }: { readonly graceMs: number; readonly validMs?: number },
  ): Promise<{
    readonly cancelOnDisconnect: { readonly envelope: Hex; readonly graceMs: number }
  }> {
    const { bytes } = await this.sign(actions, { nonce: this.#nonces() + validMs })
    return { cancelOnDisconnect: { envelope: `0x${toHex(bytes)}`, graceMs } }
  }

  chainId(): Promise<number> {
    const { chainId } = this.#options
    if (chainId !== undefined) return Promise.resolve(chainId)
    this.#chainId ??= this.call('eth_chainId').then(Number)
    return this.#chainId
  }

  #signer(): Signer {
    const { signer } = this.#options
    if (signer === undefined) throw new NexusError({ code: 'NO_SIGNER' })
    return signer
  }
}
