import {
  type Proposal,
  proposalSignBytes,
  type SignedProposal,
  type SignedVote,
  type Vote,
  voteSignBytes,
} from '../../core/chain/vote.ts'
import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { addressOfPrivateKey, signatures } from '../../core/primitives/signature.ts'
import { type FileSystem, nodeFileSystem } from '../storage/fileSystem.ts'
import {
  LastSignedFile,
  SIGN_STEP,
  type SignedPlace,
  type SignStep,
  signedUpTo,
} from './lastSigned.ts'

/**
 * Signs votes and proposals, each at most once: what is earlier than the last signature, or conflicts
 * with it, is refused with DOUBLE_SIGN_REFUSED. The same bytes again give the same signature. A signer
 * may live in another process: SIGNER_UNAVAILABLE, after a bounded time, means no vote for now.
 */
export type Signer = {
  readonly publicKey: Uint8Array
  readonly address: Uint8Array
  signVote(vote: Vote): Promise<SignedVote>
  signProposal(proposal: Proposal): Promise<SignedProposal>
  close(): Promise<void>
}

/** A signer that tells what it remembers. */
export type GuardedSigner = Signer & {
  /** Nothing that this key signed, as far as the signer knows, is beyond this place. */
  lastSigned(): Promise<SignedPlace>
  /** Takes all that was signed above a height for unsigned. Absent but for a development network's own validator. */
  rewind?(height: number): Promise<void>
}

export type FileSignerOptions = {
  readonly chainId: number
  /** 32 bytes; copied, and wiped on close. */
  readonly privateKey: Uint8Array
  /** The last-signed state, made by `LastSignedFile.create`. */
  readonly statePath: string
  readonly fileSystem: FileSystem
  /** Whether `rewind` may be called: of a chain that nobody else relies on. */
  readonly canRewind?: boolean
}

export const defaultFileSignerOptions = { fileSystem: nodeFileSystem }

/** The key in memory, the last-signed state in a file that is synced before a signature is released. */
export class FileSigner implements GuardedSigner {
  readonly publicKey: Uint8Array
  readonly address: Uint8Array
  readonly #chainId: number
  readonly #canRewind: boolean
  readonly #privateKey: Uint8Array
  readonly #state: LastSignedFile
  /** One signature at a time: each is checked against the one before. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(options: FileSignerOptions, state: LastSignedFile) {
    this.#chainId = options.chainId
    this.#canRewind = options.canRewind === true
    this.#privateKey = options.privateKey.slice()
    this.#state = state
    this.publicKey = signatures.publicKeyOf(this.#privateKey)
    this.address = addressOfPrivateKey(this.#privateKey)
  }

  /** Throws LAST_SIGNED_MISSING, LAST_SIGNED_CORRUPT, LAST_SIGNED_OTHER_KEY. */
  static async open(options: FileSignerOptions): Promise<FileSigner> {
    const { chainId, privateKey, statePath, fileSystem } = options
    assert(signatures.isPrivateKey(privateKey), 'a validator key is a private key')
    const identity = { chainId, address: addressOfPrivateKey(privateKey) }
    return new FileSigner(options, await LastSignedFile.open(statePath, identity, fileSystem))
  }

  async signVote(vote: Vote): Promise<SignedVote> {
    assert(vote.chainId === this.#chainId, 'a vote is for the chain of its signer')
    const signature = await this.#sign({ ...vote, step: vote.type }, voteSignBytes(vote))
    return { ...vote, signature }
  }

  async signProposal(proposal: Proposal): Promise<SignedProposal> {
    assert(proposal.chainId === this.#chainId, 'a proposal is for the chain of its signer')
    const place = { ...proposal, step: 'proposal' as const }
    return { ...proposal, signature: await this.#sign(place, proposalSignBytes(proposal)) }
  }

  async lastSigned(): Promise<SignedPlace> {
    await this.#last
    const { height, round, step, signature } = this.#state.current
    return { height, round, step, signature }
  }

  async rewind(height: number): Promise<void> {
    assert(this.#canRewind, 'a validator of a chain never forgets what it signed')
    const rewound = this.#last.then(() => this.#state.save(signedUpTo(height)))
    this.#last = rewound.catch(() => undefined)
    await rewound
  }

  async close(): Promise<void> {
    await this.#last
    this.#privateKey.fill(0)
    await this.#state.close()
  }

  #sign(place: Place, signBytes: Uint8Array): Promise<Uint8Array> {
    const signature = this.#last.then(() => this.#signNow(place, signBytes))
    this.#last = signature.catch(() => undefined)
    return signature
  }

  async #signNow(place: Place, signBytes: Uint8Array): Promise<Uint8Array> {
    const last = this.#state.current
    const order = comparePlaces(place, last)
    if (order === 0 && equalBytes(signBytes, last.signBytes)) return last.signature.slice()
    if (order <= 0) throw doubleSignRefused(place, last)
    const { signature } = signatures.sign(keccak256(signBytes), this.#privateKey)
    const { height, round, step } = place
    await this.#state.save({ height, round, step: SIGN_STEP[step], signBytes, signature })
    return signature
  }
}

type Place = { readonly height: number; readonly round: number; readonly step: SignStep }

/** Below zero: `place` is before the last signature. */
export function comparePlaces(place: Place, last: SignedPlace): number {
  if (place.height !== last.height) return place.height - last.height
  if (place.round !== last.round) return place.round - last.round
  return SIGN_STEP[place.step] - last.step
}

export function doubleSignRefused({ height, round, step }: Place, last: SignedPlace): NexusError {
  const lastStep = Object.entries(SIGN_STEP).find(([, number]) => number === last.step)?.[0] ?? null
  return new NexusError(
    {
      code: 'DOUBLE_SIGN_REFUSED',
      height,
      round,
      step,
      lastHeight: last.height,
      lastRound: last.round,
      lastStep,
    },
    {
      message: `refused to sign the ${step} of height ${height} round ${round}: the last signature is the ${lastStep} of height ${last.height} round ${last.round}`,
    },
  )
}
