// Bugs of the parts around the core, each put in the place of what is right: tests of the tests.
import { verifyCommitCertificate } from '../../../consensus/index.ts'
import { blockCodec, blockIdOf } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import { proposalDigest, voteDigest } from '../../../core/chain/vote.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import type { GuardedSigner } from '../../../node/consensus/signer.ts'
import type { WalFactory } from '../../../node/consensus/walDirectory.ts'
import { storedValidatorSet } from '../../../node/executor/chainHead.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import { privateKeyOf } from './chain.ts'
import { CHAIN_ID } from './chainIdentity.ts'
import type { Invariant } from './failure.ts'
import type { Profile } from './options.ts'
import type { Mutation, NodeProcess } from './process.ts'

export type Plant = {
  readonly name: string
  readonly mutation: Mutation
  readonly profile: Profile
  /** What it may break. */
  readonly breaks: readonly Invariant[]
}

const walWithoutFlush = (factory: WalFactory): WalFactory => ({
  open: async (height) => {
    const { wal, entries } = await factory.open(height)
    return {
      entries,
      wal: {
        ...wal,
        append: (t, p) => wal.append(t, p),
        flush: async () => {},
        close: () => wal.close(),
        discard: () => wal.discard(),
      },
    }
  },
  removeBelow: (height) => factory.removeBelow(height),
})

const signerWithoutGuard = (signer: GuardedSigner, privateKey: Uint8Array): GuardedSigner => ({
  publicKey: signer.publicKey,
  address: signer.address,
  signVote: async (vote) => ({
    ...vote,
    signature: signatures.sign(voteDigest(vote), privateKey).signature,
  }),
  signProposal: async (proposal) => ({
    ...proposal,
    signature: signatures.sign(proposalDigest(proposal), privateKey).signature,
  }),
  // So that the scan of the chain for signatures of others does not find its own.
  lastSigned: async () => ({ ...(await signer.lastSigned()), height: Number.MAX_SAFE_INTEGER }),
  close: () => signer.close(),
})

const unsynced =
  (open: OpenDatabase): OpenDatabase =>
  async (path, options) => {
    const database = await open(path, options)
    const batch: typeof database.batch = () => {
      const real = database.batch()
      return { ...real, write: () => real.write({ sync: false }) }
    }
    return { ...database, batch }
  }

/** As good as not verified: where a certificate is false, all validators seem to have signed. */
function certified(one: CertifiedBytes, { engine }: NodeProcess): CertifiedBytes {
  const [block, certificate] = [
    decode(blockCodec, one.block),
    decode(certificateCodec, one.certificate),
  ]
  if (!block.ok || !certificate.ok) return one
  const { height } = block.value.header
  const blockId = blockIdOf(block.value.header)
  const set = storedValidatorSet(engine.head.summary.validators)
  const isTrue = verifyCommitCertificate(certificate.value, set, CHAIN_ID).ok
  if (isTrue && certificate.value.blockId === blockId) return one
  const { round } = certificate.value
  const digest = voteDigest({ type: 'precommit', chainId: CHAIN_ID, height, round, blockId })
  const signed = set.validators.map(({ publicKey }, validatorIndex) => ({
    validatorIndex,
    signature: signatures.sign(digest, privateKeyOf(publicKey)).signature,
  }))
  const forged = encode(certificateCodec, { height, round, blockId, signatures: signed })
  return { block: one.block, certificate: forged }
}

/** Believes the highest claim for ever. */
function believing({ sync }: NodeProcess): void {
  let highest = 0
  const note = sync.noteHeight.bind(sync)
  sync.noteHeight = (peerId, height) => {
    highest = Math.max(highest, height)
    note(peerId, height)
  }
  Object.defineProperty(sync, 'targetHeight', { get: () => highest })
}

const heightOf = (message: ConsensusMessage): number => {
  if (message.kind === 'vote') return message.vote.height
  if (message.kind === 'proposal') return message.proposal.height
  return message.kind === 'status' ? 0 : message.certificate.height
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'the WAL is not flushed before a signature leaves',
    mutation: { wal: walWithoutFlush },
    profile: 'crashes',
    breaks: ['lock rule', 'liveness', 'agreement', 'valid round'],
  },
  {
    name: 'neither the WAL nor the last-signed file remembers a vote',
    mutation: { wal: walWithoutFlush, signer: signerWithoutGuard },
    profile: 'crashes',
    breaks: ['double sign', 'lock rule'],
  },
  {
    name: 'a height is announced before it is durable',
    mutation: { openDatabase: unsynced },
    profile: 'crashes',
    breaks: ['durable height', 'monotone', 'node failed'],
  },
  {
    name: 'decided blocks are not served',
    mutation: { handlers: (handlers) => ({ ...handlers, serveBlocks: () => [] }) },
    profile: 'crashes',
    breaks: ['liveness', 'convergence', 'transactions'],
  },
  {
    name: 'a block is not served before it is decided, and batches never',
    mutation: {
      handlers: (handlers) => ({ ...handlers, serveBlock: () => null, serveBatches: () => [] }),
    },
    profile: 'swarm',
    breaks: ['liveness', 'convergence', 'transactions'],
  },
  {
    name: 'block sync takes blocks without verifying their certificates',
    mutation: { synced: (blocks, process) => blocks.map((one) => certified(one, process)) },
    profile: 'liars',
    breaks: ['node failed', 'certificate', 'agreement', 'validity'],
  },
  {
    name: 'block sync believes every height that a peer claims',
    mutation: { process: believing },
    profile: 'liars',
    breaks: ['convergence', 'transactions', 'liveness'],
  },
]

/** Breaks nothing, since everything is sent again: a calm network with it is slow. */
export const FORGETFUL: Mutation = {
  handlers: (handlers, process) => ({
    ...handlers,
    onConsensus: (peerId, message) => {
      if (heightOf(message) <= process().engine.state.height) handlers.onConsensus(peerId, message)
    },
  }),
}
