import {
  defaultLightOptions,
  LightClient,
  type LightClientCode,
  type TrustedState,
} from '../../consensus/light/index.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { type BlockId, heightOf, millisOf } from '../../core/primitives/units.ts'
import { type Genesis, genesisHash, validatorSetOf } from '../../genesis/index.ts'
import type { Anchor } from '../snapshots/checkManifest.ts'
import { type JoinNetwork, providerOf } from './joinNetwork.ts'

/** A height whose block the operator has looked up elsewhere. */
export type TrustedBlock = { readonly height: number; readonly id: BlockId }

export type TrustOptions = {
  readonly genesis: Genesis
  /** Null: the genesis, while its validators can still be held to account. */
  readonly trusted: TrustedBlock | null
  readonly nowMs: () => number
}

/** Witnesses besides the peer that is asked first; more would only ask the same question more often. */
const MAX_WITNESSES = 4

/** What is said of blocks by somebody who cannot be honest. */
const LIES: ReadonlySet<string> = new Set<string>([
  'BAD_BLOCK',
  'BAD_SIGNATURE',
  'UNKNOWN_SIGNER',
  'DUPLICATE_SIGNER',
  'NO_QUORUM',
  'BROKEN_CHAIN',
  'NON_MONOTONIC_TIME',
  'WRONG_ID',
])

/**
 * The certified blocks of a height and the next, through a light client that believes none of the peers. The
 * first is asked, others confirm. Peers that lied are banned. TRUST_NEEDED, FORK_DETECTED.
 */
export async function anchorAt(
  height: number,
  peers: readonly string[],
  network: JoinNetwork,
  options: TrustOptions,
): Promise<Result<Anchor, LightClientCode | 'NO_PEER'>> {
  const [first, ...others] = peers
  if (first === undefined) return reject('NO_PEER')
  const client = await clientOf(first, others.slice(0, MAX_WITNESSES), network, options)
  if (!client.ok) {
    if (LIES.has(client.code)) network.penalize(first, 'BAD_LIGHT_BLOCK')
    return client
  }
  const anchor = await verifyBoth(client.value, height)
  for (const { name, code } of client.value.removed)
    if (LIES.has(code)) network.penalize(name, 'BAD_LIGHT_BLOCK')
  if (client.value.fork !== null) throw forkError(height)
  if (!anchor.ok && LIES.has(anchor.code)) network.penalize(first, 'BAD_LIGHT_BLOCK')
  return anchor
}

async function verifyBoth(
  client: LightClient,
  height: number,
): Promise<Result<Anchor, LightClientCode>> {
  const base = await client.verify(heightOf(height))
  if (!base.ok) return base
  const next = await client.verify(heightOf(height + 1))
  return next.ok ? ok({ base: base.value, next: next.value }) : next
}

function clientOf(
  first: string,
  others: readonly string[],
  network: JoinNetwork,
  { genesis, trusted, nowMs }: TrustOptions,
): Promise<Result<LightClient, LightClientCode>> {
  const modules = {
    primary: providerOf(network, first),
    witnesses: others.map((peerId) => providerOf(network, peerId)),
    now: () => millisOf(nowMs()),
  }
  const options = { ...defaultLightOptions, chainId: genesis.chainId }
  if (trusted !== null)
    return LightClient.start({ height: heightOf(trusted.height), id: trusted.id }, modules, options)
  const state = genesisTrust(genesis)
  if (nowMs() - state.time > options.trustingPeriodMs) throw trustNeeded()
  return Promise.resolve(ok(new LightClient(state, modules, options)))
}

/** The genesis file is what its operator was given: its validators are trusted as such. */
function genesisTrust(genesis: Genesis): TrustedState {
  return {
    height: heightOf(0),
    time: genesis.genesisTime,
    id: toHex(genesisHash(genesis)) as BlockId,
    nextValidators: validatorSetOf(genesis),
  }
}

const trustNeeded = (): NexusError =>
  new NexusError(
    { code: 'TRUST_NEEDED' },
    {
      message:
        'the genesis is older than the trusting period, so its validators prove nothing any more: set stateSync.trustHeight and stateSync.trustHash to a recent block that you looked up yourself',
    },
  )

const forkError = (height: number): NexusError =>
  new NexusError(
    { code: 'FORK_DETECTED', height },
    {
      message: `validators have signed two chains below height ${height}: somebody attacks the network; find out which chain is right before this node joins`,
    },
  )
