// What consensus and the chain are made of: canonical codecs, which peers, disks and light clients bring.
import fc from 'fast-check'
import { inputCodec } from '../../../consensus/index.ts'
import { lightBlockCodec, lightClientAttackCodec } from '../../../consensus/light/index.ts'
import { actionReceiptCodec } from '../../../core/chain/action.ts'
import { blockCodec, crossMessageCodec, headerCodec } from '../../../core/chain/block.ts'
import { certificateCodec, roundCertificateCodec } from '../../../core/chain/certificate.ts'
import { evidenceCodec } from '../../../core/chain/evidence.ts'
import { consensusParamsCodec } from '../../../core/chain/params.ts'
import { signedProposalCodec, signedVoteCodec } from '../../../core/chain/vote.ts'
import { heightOf } from '../../../core/primitives/units.ts'
import { batchCodec, proposalBodyCodec } from '../../../node/network/messages.ts'
import * as arbitrary from '../../support/chainArbitraries.ts'
import {
  block,
  commit,
  polka,
  precommit,
  prevote,
  START,
  timeout,
} from '../../support/consensus.ts'
import { lightBlockOf, setOf } from '../../support/lightChain.ts'
import { codecTarget, type Target } from '../target.ts'
import { samplesOf } from './samples.ts'

const receipt = {
  hash: new Uint8Array(32).fill(1),
  signer: new Uint8Array(20).fill(2),
  owner: new Uint8Array(20).fill(3),
  nonce: 1_700_000_000_000,
  code: null,
  fee: 12,
  calls: [
    { code: null, gasUsed: 300, result: Uint8Array.of(1, 2, 3) },
    { code: 'WOULD_CROSS', gasUsed: 40, result: new Uint8Array(0) },
  ],
}
const body = fc.record({
  batches: fc.array(arbitrary.bytesOf(32), { maxLength: 4 }),
  inline: fc.array(arbitrary.bytesUpTo(64), { maxLength: 3 }),
  transactions: fc.array(fc.record({ batch: fc.nat(65_535), position: fc.nat(65_535) }), {
    maxLength: 5,
  }),
  messages: fc.array(arbitrary.crossMessage, { maxLength: 2 }),
  evidence: fc.array(arbitrary.evidence, { maxLength: 2 }),
  lastCommit: fc.option(arbitrary.certificate),
})
const inputs = [
  START,
  prevote(0, block('a'), 1),
  precommit(3, null, 2),
  polka(1, block('b'), [0, 1, 2]),
  commit(2, block('c'), [1, 2, 3]),
  timeout('propose', 4),
]

const set = setOf({ a: 1, b: 2, c: 3 })
const light = lightBlockOf({ height: 3, time: 3, validators: set, nextValidators: set.advance() })
const attack = { commonHeight: heightOf(1), conflicting: light }

export const chainTargets: readonly Target[] = [
  codecTarget('signed vote', signedVoteCodec, samplesOf(arbitrary.signedVote)),
  codecTarget('signed proposal', signedProposalCodec, samplesOf(arbitrary.signedProposal)),
  codecTarget('certificate', certificateCodec, samplesOf(arbitrary.certificate)),
  codecTarget('round certificate', roundCertificateCodec, samplesOf(arbitrary.roundCertificate)),
  codecTarget('light block', lightBlockCodec, [light]),
  codecTarget('attack on a light client', lightClientAttackCodec, [attack]),
  codecTarget('evidence', evidenceCodec, samplesOf(arbitrary.evidence)),
  codecTarget('header', headerCodec, samplesOf(arbitrary.header)),
  codecTarget('cross-domain message', crossMessageCodec, samplesOf(arbitrary.crossMessage)),
  codecTarget('block', blockCodec, samplesOf(arbitrary.block)),
  codecTarget('consensus parameters', consensusParamsCodec, samplesOf(arbitrary.consensusParams)),
  codecTarget('proposal body', proposalBodyCodec, samplesOf(body)),
  codecTarget('batch', batchCodec, samplesOf(fc.array(arbitrary.bytesUpTo(80), { maxLength: 6 }))),
  codecTarget('action receipt', actionReceiptCodec, [receipt]),
  codecTarget('input of the consensus log', inputCodec, inputs),
]
