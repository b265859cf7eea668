import {
  defaultLightOptions,
  LightClient,
  type LightClientOptions,
  type TrustedState,
} from '../../consensus/light/index.ts'
import type { Header } from '../../core/chain/block.ts'
import { type StateRoots, stateRootOf } from '../../core/chain/roots.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { isNexusError, NexusError } from '../../core/primitives/errors.ts'
import type { Result } from '../../core/primitives/result.ts'
import { type BlockId, heightOf, millisOf } from '../../core/primitives/units.ts'
import { type AccountWanted, type ProvenAccount, verifyAccountProof } from './accountProof.ts'
import { callHttp } from './http.ts'
import { getLightBlock, lightProvider } from './lightProvider.ts'
import { type ProvenRow, type RowWanted, verifyProof } from './proof.ts'
import { inputJson } from './values.ts'

export type VerifiedClientOptions = {
  /** Of the node that is asked. */
  readonly url: string
  /** Of other nodes, which must say the same: at least two, run by other people. */
  readonly witnesses: readonly string[]
  readonly chainId: number
  /** A block that somebody trusted has named, by its id in hex; or the state of a genesis. */
  readonly trusted: TrustedState | { readonly height: number; readonly id: string }
  readonly light?: Partial<LightClientOptions>
}

/** EVM proofs exist for the latest height only, which may move on between two questions. */
const PROOF_TRIES = 10
const LIMITS = { timeoutMs: 5_000, maxBytes: 1_000_000 }

/** Reads state that is proven down to the validators; believes no node. Throws NexusError. */
export class VerifiedClient {
  readonly light: LightClient
  readonly #url: string

  private constructor(url: string, light: LightClient) {
    this.#url = url
    this.light = light
  }

  /** NO_ANSWER, WRONG_ID and the other codes of the light client. */
  static async start({
    url,
    witnesses,
    chainId,
    trusted,
    light,
  }: VerifiedClientOptions): Promise<VerifiedClient> {
    const modules = {
      primary: lightProvider(url),
      witnesses: witnesses.map((witness) => lightProvider(witness)),
      now: () => millisOf(Date.now()),
    }
    const options = { ...defaultLightOptions, ...light, chainId }
    const client =
      'nextValidators' in trusted
        ? new LightClient(trusted, modules, options)
        : must(
            await LightClient.start(
              { height: heightOf(trusted.height), id: blockIdIn(trusted.id) },
              modules,
              options,
            ),
          )
    return new VerifiedClient(url, client)
  }

  /** The verified header of a height; it commits to the state after the height before. */
  async header(height: number | 'latest'): Promise<Header> {
    const wanted = height === 'latest' ? height : heightOf(height)
    return must(await this.light.verify(wanted)).header
  }

  /** The roots of both machines after a height; waits for the next one, which commits to them. */
  async roots(height: number): Promise<StateRoots> {
    const header = await this.header(height + 1)
    const answer = await getLightBlock(this.#url, height + 1)
    const roots = answer?.roots ?? null
    if (roots === null) throw new NexusError({ code: 'NOT_FOUND', height })
    if (!equalBytes(stateRootOf(roots, heightOf(height)), header.stateRoot))
      throw new NexusError({ code: 'WRONG_STATE_ROOT', height })
    return roots
  }

  /** An account and slots of it after the latest height. */
  async account(wanted: AccountWanted): Promise<ProvenAccount & { readonly height: number }> {
    const { height, json } = await this.#accountProof(wanted)
    const { evmRoot } = await this.roots(height)
    return { height, ...must(verifyAccountProof(json, wanted, evmRoot)) }
  }

  /** A row of an engine after the latest height; `place` as in `nexus_getProof`. */
  async row(wanted: RowWanted, table: string, place: unknown): Promise<ProvenRow> {
    const params = [wanted.engine, table, inputJson(place)]
    const json = await callHttp(this.#url, 'nexus_getProof', params, LIMITS)
    const height = (json as { readonly height?: unknown } | null)?.height
    if (!Number.isSafeInteger(height)) throw new NexusError({ code: 'BAD_ANSWER' })
    const header = await this.header((height as number) + 1)
    return must(verifyProof(json, wanted, { header }))
  }

  async #accountProof({ address, slots = [] }: AccountWanted) {
    for (let i = 0; ; i++) {
      const hex = await callHttp(this.#url, 'eth_blockNumber', [], LIMITS)
      const height = Number(hex)
      if (!Number.isSafeInteger(height) || height < 0) throw new NexusError({ code: 'BAD_ANSWER' })
      try {
        const params = [address, slots, hex]
        return { height, json: await callHttp(this.#url, 'eth_getProof', params, LIMITS) }
      } catch (error) {
        if (i + 1 >= PROOF_TRIES || !isNexusError(error, 'PROOF_NOT_AVAILABLE')) throw error
      }
    }
  }
}

/** As nodes show it, with 0x, or without. */
const blockIdIn = (id: string): BlockId => id.replace(/^0x/, '').toLowerCase() as BlockId

function must<T>(result: Result<T, string>): T {
  if (!result.ok) throw new NexusError({ code: result.code })
  return result.value
}
