import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Proposal,
  proposalDigest,
  proposalSignBytes,
  type Vote,
  voteDigest,
  voteSignBytes,
} from '../../../core/chain/vote.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { isNexusError } from '../../../core/primitives/errors.ts'
import { addressOfPrivateKey, signatures } from '../../../core/primitives/signature.ts'
import type { BlockId } from '../../../core/primitives/units.ts'
import { heightOf, roundOf } from '../../../core/primitives/units.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import { FileSigner } from '../../../node/consensus/signer.ts'
import { nodeFileSystem } from '../../../node/storage/fileSystem.ts'
import { fileSystemWith, MemoryFileSystem, osError } from '../../support/memoryFileSystem.ts'
import { CHAIN_ID, digest, privateKeyOf } from '../../support/storedChain.ts'

const PATH = '/data/lastSigned'
const privateKey = privateKeyOf(0)
const identity = { chainId: CHAIN_ID, address: addressOfPrivateKey(privateKey) }
const blockA = toHex(digest('a')) as BlockId
const blockB = toHex(digest('b')) as BlockId

const optionsOf = (fileSystem: MemoryFileSystem) => ({
  chainId: CHAIN_ID,
  privateKey,
  statePath: PATH,
  fileSystem,
})

async function newSigner() {
  const fileSystem = new MemoryFileSystem()
  await LastSignedFile.create(PATH, identity, fileSystem)
  return { fileSystem, signer: await FileSigner.open(optionsOf(fileSystem)) }
}

type Step = 'proposal' | Vote['type']
type Request = { height: number; round: number; step: Step; blockId: BlockId | null }

const voteOf = ({ height, round, step, blockId }: Request): Vote => ({
  type: step === 'precommit' ? 'precommit' : 'prevote',
  chainId: CHAIN_ID,
  height: heightOf(height),
  round: roundOf(round),
  blockId,
  validatorIndex: 0,
})
const proposalOf = ({ height, round, blockId }: Request): Proposal => ({
  chainId: CHAIN_ID,
  height: heightOf(height),
  round: roundOf(round),
  polRound: -1,
  blockId: blockId ?? blockA,
  validatorIndex: 0,
})

const sign = async (signer: FileSigner, request: Request): Promise<Uint8Array> =>
  request.step === 'proposal'
    ? (await signer.signProposal(proposalOf(request))).signature
    : (await signer.signVote(voteOf(request))).signature

const refusal = { detail: { code: 'DOUBLE_SIGN_REFUSED' } }
const prevote = (height: number, round: number, blockId: BlockId | null = blockA): Request => ({
  height,
  round,
  step: 'prevote',
  blockId,
})

describe('FileSigner', () => {
  it('makes signatures that verify under its key', async () => {
    const { signer } = await newSigner()
    const proposal = await signer.signProposal(proposalOf(prevote(1, 0)))
    const vote = await signer.signVote(voteOf(prevote(1, 0)))
    const nil = await signer.signVote(voteOf({ ...prevote(1, 0, null), step: 'precommit' }))
    const verify = (signature: Uint8Array, message: Uint8Array) =>
      signatures.verify(signature, message, signer.publicKey)
    expect(verify(proposal.signature, proposalDigest(proposal))).toBe(true)
    expect(verify(vote.signature, voteDigest(vote))).toBe(true)
    expect(verify(nil.signature, voteDigest(nil))).toBe(true)
    expect(signer.address).toEqual(identity.address)
  })

  it('goes up through height, round and step, and never down', async () => {
    const order: Request[] = [1, 2].flatMap((height) =>
      [0, 1].flatMap((round) =>
        (['proposal', 'prevote', 'precommit'] as const).map((step) => ({
          height,
          round,
          step,
          blockId: blockA,
        })),
      ),
    )
    const { signer } = await newSigner()
    for (const [index, request] of order.entries()) {
      await sign(signer, request)
      for (const earlier of order.slice(0, index))
        await expect(sign(signer, earlier)).rejects.toMatchObject(refusal)
    }
  })

  it('forgets nothing it signed, but for a development network, and there for good', async () => {
    const { signer, fileSystem } = await newSigner()
    await sign(signer, prevote(3, 1))
    await expect(signer.rewind(2)).rejects.toThrow(/never forgets/)
    const options = { ...optionsOf(fileSystem), canRewind: true }
    const devnet = await FileSigner.open(options)
    await sign(devnet, prevote(9, 0))
    await devnet.rewind(2)
    await expect(sign(devnet, prevote(2, 7))).rejects.toMatchObject(refusal)
    await sign(devnet, prevote(3, 0, blockB))
    await expect(sign(devnet, prevote(3, 0))).rejects.toMatchObject(refusal)
    const restarted = await FileSigner.open(options)
    expect(await restarted.lastSigned()).toMatchObject({ height: 3, round: 0 })
  })

  it('gives the same signature for the same bytes without touching the disk, also after a restart', async () => {
    const { signer, fileSystem } = await newSigner()
    const first = await sign(signer, prevote(3, 1))
    const operations = fileSystem.operations.length
    expect(await sign(signer, prevote(3, 1))).toEqual(first)
    expect(fileSystem.operations.length).toBe(operations)
    const restarted = await FileSigner.open(optionsOf(fileSystem))
    expect(await sign(restarted, prevote(3, 1))).toEqual(first)
  })

  it('refuses other bytes at the same place and says what it signed', async () => {
    const { signer, fileSystem } = await newSigner()
    await sign(signer, prevote(3, 1))
    const conflict = { ...refusal.detail, lastHeight: 3, lastRound: 1, lastStep: 'prevote' }
    for (const blockId of [blockB, null])
      await expect(sign(signer, prevote(3, 1, blockId))).rejects.toMatchObject({ detail: conflict })
    const restarted = await FileSigner.open(optionsOf(fileSystem))
    await expect(sign(restarted, prevote(3, 1, blockB))).rejects.toMatchObject(refusal)
    const proposal = proposalOf(prevote(4, 0))
    await restarted.signProposal(proposal)
    await expect(
      restarted.signProposal({ ...proposal, polRound: roundOf(0) }),
    ).rejects.toMatchObject(refusal)
  })

  it('has the state on disk before the signature is out', async () => {
    const { signer, fileSystem } = await newSigner()
    for (let height = 1; height < 6; height++) {
      await sign(signer, prevote(height, 0))
      const cut = await fileSystemWith(PATH, fileSystem.afterPowerCut(PATH, 0))
      const restarted = await FileSigner.open(optionsOf(cut))
      await expect(sign(restarted, prevote(height, 0, blockB))).rejects.toMatchObject(refusal)
    }
  })

  it('signs one after the other when asked at once', async () => {
    const { signer } = await newSigner()
    const outcomes = await Promise.allSettled([
      sign(signer, prevote(1, 0, blockA)),
      sign(signer, prevote(1, 0, blockB)),
      sign(signer, prevote(1, 0, blockA)),
      sign(signer, prevote(1, 1, blockB)),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
  })

  it('releases nothing after the state cannot be written', async () => {
    const { signer, fileSystem } = await newSigner()
    await sign(signer, prevote(1, 0))
    fileSystem.onOperation = ({ kind }) => {
      if (kind === 'sync') throw osError('ENOSPC')
    }
    const failed = { detail: { code: 'LAST_SIGNED_WRITE' } }
    await expect(sign(signer, prevote(2, 0))).rejects.toMatchObject(failed)
    fileSystem.onOperation = () => {}
    await expect(sign(signer, prevote(2, 0))).rejects.toMatchObject(failed)
    await expect(sign(signer, prevote(3, 0))).rejects.toMatchObject(failed)
  })

  it('never lets two different messages of one place out, over crashes at any byte', async () => {
    const request = fc.record({
      height: fc.integer({ min: 1, max: 3 }),
      round: fc.integer({ min: 0, max: 1 }),
      step: fc.constantFrom<Step>('proposal', 'prevote', 'precommit'),
      blockId: fc.constantFrom(blockA, blockB, null),
    })
    const command = fc.oneof(
      { weight: 3, arbitrary: request.map((value) => ({ kind: 'sign' as const, value })) },
      {
        weight: 1,
        arbitrary: fc.tuple(request, fc.nat(8_400)).map(([value, bytes]) => ({
          kind: 'crash' as const,
          value,
          bytes,
        })),
      },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
        let { signer, fileSystem } = await newSigner()
        const released = new Map<string, string>()
        for (const step of commands) {
          if (step.kind === 'crash') {
            fileSystem.onOperation = ({ kind }) => {
              if (kind === 'sync') throw osError('EIO')
            }
            await sign(signer, step.value).catch(() => null)
            const image = fileSystem.afterPowerCut(PATH, step.bytes)
            fileSystem = await fileSystemWith(PATH, image)
            signer = await FileSigner.open(optionsOf(fileSystem))
            continue
          }
          const signature = await sign(signer, step.value).catch((error) => {
            if (!isNexusError(error, 'DOUBLE_SIGN_REFUSED')) throw error
            return null
          })
          if (signature === null) continue
          const { height, round, step: name } = step.value
          const place = `${height}/${round}/${name}`
          const message = toHex(
            name === 'proposal'
              ? proposalSignBytes(proposalOf(step.value))
              : voteSignBytes(voteOf(step.value)),
          )
          expect(released.get(place) ?? message, place).toBe(message)
          released.set(place, message)
        }
      }),
      { numRuns: 150 },
    )
  })

  describe('on a real file', () => {
    let directory = ''
    afterEach(() => rm(directory, { recursive: true, force: true }))

    it('remembers over restarts', async () => {
      directory = await mkdtemp(join(tmpdir(), 'nexus-signer-'))
      const statePath = join(directory, 'validator', 'lastSigned')
      await LastSignedFile.create(statePath, identity, nodeFileSystem)
      const options = { chainId: CHAIN_ID, privateKey, statePath, fileSystem: nodeFileSystem }
      const signer = await FileSigner.open(options)
      const first = await sign(signer, prevote(1, 0))
      await signer.close()
      const restarted = await FileSigner.open(options)
      expect(await sign(restarted, prevote(1, 0))).toEqual(first)
      await expect(sign(restarted, prevote(1, 0, blockB))).rejects.toMatchObject(refusal)
      await restarted.close()
    })
  })
})
