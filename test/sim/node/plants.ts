// Bugs of the parts around the core, each put in the place of what is right: tests of the tests.
import { proposalDigest, voteDigest } from '../../../core/chain/vote.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import type { Signer } from '../../../node/consensus/signer.ts'
import type { WalFactory } from '../../../node/consensus/wal.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import type { Invariant } from './failure.ts'
import type { Profile } from './options.ts'
import type { Mutation } from './process.ts'

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
      },
    }
  },
  removeBelow: (height) => factory.removeBelow(height),
})

const signerWithoutGuard = (signer: Signer, privateKey: Uint8Array): Signer => ({
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
]

/** Breaks nothing, since everything is sent again: a calm network with it is slow. */
export const FORGETFUL: Mutation = {
  handlers: (handlers, engine) => ({
    ...handlers,
    onConsensus: (peerId, message) => {
      if (heightOf(message) <= engine.state.height) handlers.onConsensus(peerId, message)
    },
  }),
}
