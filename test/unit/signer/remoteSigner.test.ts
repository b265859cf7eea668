import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import type { GuardedSigner } from '../../../node/consensus/signer.ts'
import { formatSignerAddress, parseSignerAddress } from '../../../node/signer/address.ts'
import { proofOf, sendingKeyOf, transcriptOf } from '../../../node/signer/protocol.ts'
import { MemoryFileSystem } from '../../support/memoryFileSystem.ts'
import { blockB, memorySigner, SECRET, SignerWorld, vote } from '../../support/signerWorld.ts'
import { privateKeyOf } from '../../support/storedChain.ts'
import { until } from '../../support/wait.ts'

let world: SignerWorld
beforeEach(() => {
  world = new SignerWorld()
})
afterEach(() => world.dispose())

const unavailable = { detail: { code: 'SIGNER_UNAVAILABLE' } }

/** Whether a vote is signed now: false while the signer is away. */
const signs = (signer: GuardedSigner, height: number): Promise<boolean> =>
  signer.signVote(vote(height)).then(
    () => true,
    () => false,
  )

describe('RemoteSigner', () => {
  it('fails at once while the signer is away, and signs again when it is back', async () => {
    const fileSystem = new MemoryFileSystem()
    const server = await world.serve(await memorySigner(fileSystem))
    const { address } = server
    const { signer, counts } = await world.connect(address)
    const first = await signer.signVote(vote(1))
    await server.close()
    await until({ what: 'the loss to be noticed', everyMs: 5 }, () => counts.get('lost') === 1)
    const startedAt = performance.now()
    await expect(signer.signVote(vote(1))).rejects.toMatchObject(unavailable)
    expect(performance.now() - startedAt).toBeLessThan(50)
    await world.serve(await memorySigner(fileSystem), { address })
    await until({ what: 'the signer to be back', everyMs: 5 }, () => signs(signer, 1))
    // The guard came back with it: the same signature for the same bytes, and no other.
    expect(await signer.signVote(vote(1))).toEqual(first)
    await expect(signer.signVote(vote(1, blockB))).rejects.toMatchObject({
      detail: { code: 'DOUBLE_SIGN_REFUSED' },
    })
    expect(counts.get('DOUBLE_SIGN_REFUSED')).toBe(1)
    expect(counts.get('connected')).toBe(2)
  })

  it('waits for an answer only so long, once, and drops a late one', async () => {
    const inner = await memorySigner()
    let release: () => void = () => {}
    const slow: GuardedSigner = {
      publicKey: inner.publicKey,
      address: inner.address,
      close: () => inner.close(),
      lastSigned: () => inner.lastSigned(),
      signProposal: (proposal) => inner.signProposal(proposal),
      signVote: async (asked) => {
        if (asked.height === 2) await new Promise<void>((resolve) => (release = resolve))
        return inner.signVote(asked)
      },
    }
    const server = await world.serve(slow)
    const { signer } = await world.connect(server.address, { timeoutMs: 100, pingMs: 10_000 })
    await signer.signVote(vote(1))
    const startedAt = performance.now()
    const late = signer.signVote(vote(2))
    await expect(late).rejects.toMatchObject(unavailable)
    const waited = performance.now() - startedAt
    expect(waited).toBeGreaterThanOrEqual(95)
    expect(waited).toBeLessThan(280)
    const again = performance.now()
    await expect(signer.signVote(vote(2))).rejects.toMatchObject(unavailable)
    expect(performance.now() - again).toBeLessThan(50)
    // It is signed now, behind our back; asking again for the same gives just that.
    release()
    await until({ what: 'the next connection', everyMs: 5 }, () => signs(signer, 3))
    expect((await inner.lastSigned()).height).toBe(3)
  })

  it('notices that the signer hangs before a vote has to wait for it', async () => {
    const server = await world.serve(await memorySigner())
    const { address } = await world.proxy(server.address, (chunk, index) =>
      index < 2 ? chunk : Buffer.alloc(0),
    )
    const { signer, counts } = await world.connect(address, { pingMs: 30, timeoutMs: 60 })
    await until({ what: 'the loss to be noticed' }, () => (counts.get('lost') ?? 0) > 0)
    expect(counts.get('SIGNER_UNAVAILABLE')).toBeUndefined()
    await signer.close()
  })

  it('lets no signature through that does not verify', async () => {
    const [own, other] = [await memorySigner(), await memorySigner(undefined, privateKeyOf(1))]
    const liar: GuardedSigner = {
      publicKey: own.publicKey,
      address: own.address,
      close: () => own.close(),
      lastSigned: () => own.lastSigned(),
      signVote: (asked) => other.signVote(asked),
      signProposal: (asked) => other.signProposal(asked),
    }
    const server = await world.serve(liar)
    const { signer } = await world.connect(server.address)
    await expect(signer.signVote(vote(1))).rejects.toMatchObject(unavailable)
  })

  it('does not take another key when it reconnects', async () => {
    const server = await world.serve(await memorySigner())
    const { signer, counts } = await world.connect(server.address)
    await server.close()
    const other = await memorySigner(undefined, privateKeyOf(1))
    await world.serve(other, { address: server.address })
    await until({ what: 'the loss to be noticed', everyMs: 5 }, () => counts.get('lost') === 1)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await expect(signer.signVote(vote(1))).rejects.toMatchObject(unavailable)
    expect([counts.get('connected'), (await other.lastSigned()).height]).toEqual([1, 0])
  })

  it('waits for a signer that starts later than the node, but not for ever', async () => {
    const address = world.address()
    await expect(world.connect(address, { connectMs: 100 })).rejects.toMatchObject(unavailable)
    const connecting = world.connect(address, { connectMs: 5_000 })
    await new Promise((resolve) => setTimeout(resolve, 60))
    await world.serve(await memorySigner(), { address })
    await (await connecting).signer.signVote(vote(1))
  })

  describe('whose key is known from before', () => {
    it('is not waited for: the node starts, and signs when the signer comes', async () => {
      const inner = await memorySigner()
      const address = world.address()
      const startedAt = performance.now()
      const { signer, counts } = await world.connect(address, {
        knownKey: inner.publicKey,
        connectMs: 60_000,
      })
      expect(performance.now() - startedAt).toBeLessThan(2_000)
      expect(toHex(signer.address)).toBe(toHex(inner.address))
      expect([counts.get('connected'), counts.get('lost')]).toEqual([undefined, 1])
      await expect(signer.signVote(vote(1))).rejects.toMatchObject(unavailable)
      await expect(signer.lastSigned()).rejects.toMatchObject(unavailable)
      await world.serve(inner, { address })
      await until({ what: 'the signer to be there', everyMs: 5 }, () => signs(signer, 1))
      expect(counts.get('connected')).toBe(1)
    })

    it('does not sign with another key that comes later, and says which is which at a start', async () => {
      const [own, other] = [await memorySigner(), await memorySigner(undefined, privateKeyOf(1))]
      const address = world.address()
      const knownKey = own.publicKey
      const { signer } = await world.connect(address, { knownKey })
      await world.serve(other, { address })
      await new Promise((resolve) => setTimeout(resolve, 100))
      await expect(signer.signVote(vote(1))).rejects.toMatchObject(unavailable)
      expect((await other.lastSigned()).height).toBe(0)
      await signer.close()
      const again = await world.connect(address, { knownKey })
      expect(toHex(again.signer.address)).toBe(toHex(other.address))
    })

    it('is refused at a start while another node has it, or with another secret', async () => {
      const inner = await memorySigner()
      const { address } = await world.serve(inner)
      await world.connect(address)
      const options = { knownKey: inner.publicKey, connectMs: 100 }
      await expect(world.connect(address, options)).rejects.toMatchObject({
        detail: { code: 'SIGNER_BUSY' },
      })
      const secret = new Uint8Array(32).fill(1)
      await expect(world.connect(address, { ...options, secret })).rejects.toMatchObject({
        detail: { code: 'SIGNER_SECRET_MISMATCH' },
      })
    })
  })
})

const HANDSHAKE = [
  'ac3312c30d07fb70dcd265ccea90450d08d81b1a8e9326a5b836bf3d8813065d',
  'ff3b2c04f3f8c68650011e1cb4da484c3c037867ede76b3803e5561fbbd995c2',
  'eef3c5ac1c8c8196a1fc1e0038d070ef1f92a0049410789122ae518fa1ec5762',
  'dabca9bbb0f7347feff54aa801215d6728516266b9ff58e0e5862d74f8711c9d',
  '7b7a9e542c901c24013e776649ce73ffbfd78a9d318e9b4e0cf22bd866ce55bb',
]

describe('the handshake', () => {
  it('is what the README says', () => {
    // Computed with another program from the text of node/signer/README.md.
    const transcript = transcriptOf(Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5))
    const all = [
      transcript,
      proofOf('node', SECRET, transcript),
      proofOf('signer', SECRET, transcript),
      sendingKeyOf('node', SECRET, transcript),
      sendingKeyOf('signer', SECRET, transcript),
    ].map(toHex)
    expect(all).toEqual(HANDSHAKE)
  })
  it('binds every part of what was said', () => {
    const transcripts = [
      transcriptOf(Uint8Array.of(1, 2), Uint8Array.of(3)),
      transcriptOf(Uint8Array.of(1), Uint8Array.of(2, 3)),
      transcriptOf(Uint8Array.of(1, 2), Uint8Array.of(4)),
      transcriptOf(Uint8Array.of(0, 2), Uint8Array.of(3)),
    ].map(toHex)
    expect(new Set(transcripts).size).toBe(4)
  })
})

describe('an address', () => {
  it.each([
    ['signer.sock', '/home/n/signer.sock'],
    ['/run/nexus/s', '/run/nexus/s'],
    ['tcp:127.0.0.1:26670', 'tcp:127.0.0.1:26670'],
    ['tcp:[::1]:1', 'tcp:[::1]:1'],
  ])('%s is %s', (text, expected) => {
    expect(formatSignerAddress(parseSignerAddress(text, '/home/n'))).toBe(expected)
  })
  it.each([
    'tcp:0.0.0.0:1',
    'tcp:10.0.0.1:26670',
    'tcp:localhost:1',
    'tcp:127.0.0.1',
    'tcp:127.0.0.1:70000',
    `/${'x'.repeat(110)}`,
  ])('%s is refused: other machines could reach it, or nobody', (text) => {
    expect(() => parseSignerAddress(text, '/home/n')).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ code: 'SIGNER_ADDRESS' }) }),
    )
  })
})
