import { once } from 'node:events'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import * as path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { proposalDigest, voteDigest } from '../../../core/chain/vote.ts'
import { decode, encode } from '../../../core/primitives/codec.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { heightOf, roundOf } from '../../../core/primitives/units.ts'
import { SignerConnection } from '../../../node/signer/connection.ts'
import {
  type Handshake,
  handshakeCodec,
  MAX_FRAME,
  PROTOCOL_VERSION,
  requestCodec,
  type SignMessage,
} from '../../../node/signer/protocol.ts'
import { MemoryFileSystem, osError } from '../../support/memoryFileSystem.ts'
import {
  blockA,
  blockB,
  memorySigner,
  pathOf,
  proposal,
  rawSocket,
  SignerWorld,
  vote,
} from '../../support/signerWorld.ts'
import { CHAIN_ID, digest } from '../../support/storedChain.ts'
import { until } from '../../support/wait.ts'

let world: SignerWorld
beforeEach(() => {
  world = new SignerWorld()
})
afterEach(() => world.dispose())

const withCode = (code: string) => ({ detail: { code } })

async function served(options: Parameters<SignerWorld['serve']>[1] = {}) {
  const signer = await memorySigner()
  const server = await world.serve(signer, options)
  return { signer, server, options: world.connectionOptions(server.address) }
}

const messageOf = (height: number, more: object = {}): SignMessage => ({
  kind: 'prevote',
  chainId: CHAIN_ID,
  height: heightOf(height),
  round: roundOf(0),
  blockId: blockA,
  ...more,
})

const frame = (body: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([length, body])
}

describe('SignerServer', () => {
  it('signs what the signer signs, under the same guard', async () => {
    const { server, signer } = await served()
    const { signer: remote } = await world.connect(server.address)
    expect([remote.publicKey, remote.address]).toEqual([signer.publicKey, signer.address])
    const signed = await remote.signProposal(proposal(1))
    const first = await remote.signVote(vote(1))
    const nil = await remote.signVote(vote(1, null, { type: 'precommit' }))
    const verify = (signature: Uint8Array, message: Uint8Array) =>
      signatures.verify(signature, message, signer.publicKey)
    expect(verify(signed.signature, proposalDigest(signed))).toBe(true)
    expect(verify(first.signature, voteDigest(first))).toBe(true)
    expect(verify(nil.signature, voteDigest(nil))).toBe(true)
    expect(first.validatorIndex).toBe(3)
    expect(await remote.signVote(nil)).toEqual(nil)
    await expect(remote.signVote(vote(1, blockB, { type: 'precommit' }))).rejects.toMatchObject({
      detail: { code: 'DOUBLE_SIGN_REFUSED', lastHeight: 1, lastStep: 'precommit' },
    })
    await expect(remote.signVote(vote(1))).rejects.toMatchObject(withCode('DOUBLE_SIGN_REFUSED'))
    expect(await remote.lastSigned()).toMatchObject({ height: 1, round: 0, step: 3 })
  })

  it('signs for one chain, and only what makes sense', async () => {
    const { options, signer } = await served()
    const connection = await SignerConnection.open(options)
    const ask = (message: SignMessage) => connection.ask({ kind: 'sign', message }, 1_000)
    const proposalFields = { kind: 'proposal', polRound: roundOf(0) } as const
    const refusals: readonly (readonly [SignMessage, string])[] = [
      [messageOf(1, { chainId: CHAIN_ID + 1 }), 'OTHER_CHAIN'],
      [messageOf(0), 'NOT_WELL_FORMED'],
      [messageOf(1, proposalFields), 'NOT_WELL_FORMED'],
    ]
    for (const [message, code] of refusals)
      expect(await ask(message)).toMatchObject({ kind: 'refused', code })
    expect((await signer.lastSigned()).height).toBe(0)
    expect(await ask(messageOf(1))).toMatchObject({ kind: 'signature' })
    connection.close()
  })

  it('serves one node; another one gets its place when it is gone or silent', async () => {
    const { server, options } = await served({ leaseMs: 150 })
    const { signer: first } = await world.connect(server.address, { pingMs: 40 })
    await expect(SignerConnection.open(options)).rejects.toMatchObject(withCode('SIGNER_BUSY'))
    await expect(world.connect(server.address)).rejects.toMatchObject(withCode('SIGNER_BUSY'))
    // It keeps its place by pings although the lease has passed.
    await first.signVote(vote(1))
    await first.close()
    const silent = await SignerConnection.open(options)
    const startedAt = performance.now()
    const { signer: next } = await world.connect(server.address, { connectMs: 2_000 })
    expect(performance.now() - startedAt).toBeGreaterThan(100)
    expect((await silent.ended).detail.code).toBe('SIGNER_UNAVAILABLE')
    await next.signVote(vote(2))
  })

  it('refuses another secret, chain or version, and signs nothing for it', async () => {
    const { options, signer } = await served()
    const open = (more: object) => SignerConnection.open({ ...options, ...more })
    await expect(open({ secret: digest('other') })).rejects.toMatchObject(
      withCode('SIGNER_SECRET_MISMATCH'),
    )
    await expect(open({ chainId: 1 })).rejects.toMatchObject(withCode('SIGNER_CHAIN_MISMATCH'))
    const socket = rawSocket(options.address)
    const nonce = new Uint8Array(32)
    const hello = {
      kind: 'hello',
      version: PROTOCOL_VERSION + 1,
      chainId: CHAIN_ID,
      nonce,
    } as const
    socket.write(frame(encode(handshakeCodec, hello)))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(decode(handshakeCodec, Uint8Array.from(answer.subarray(4)))).toMatchObject({
      value: { kind: 'refusal', code: 'SIGNER_VERSION' },
    })
    expect((await signer.lastSigned()).height).toBe(0)
  })

  it('stops for good when the guard cannot be written, and lets no signature out', async () => {
    const fileSystem = new MemoryFileSystem()
    const server = await world.serve(await memorySigner(fileSystem))
    const { signer: remote } = await world.connect(server.address)
    await remote.signVote(vote(1))
    fileSystem.onOperation = ({ kind }) => {
      if (kind === 'sync') throw osError('EIO')
    }
    await expect(remote.signVote(vote(2))).rejects.toMatchObject(withCode('SIGNER_UNAVAILABLE'))
    expect(world.fatal).toMatchObject([withCode('LAST_SIGNED_WRITE')])
  })
})

describe('somebody between node and signer', () => {
  it('cannot replay a recorded connection', async () => {
    const { server, signer } = await served()
    const { address, toSigner } = await world.proxy(server.address, (chunk) => chunk)
    const { signer: remote } = await world.connect(address, { pingMs: 60_000 })
    await remote.signVote(vote(1))
    await remote.close()
    const socket = rawSocket(server.address)
    for (const chunk of toSigner) socket.write(chunk)
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk as Buffer))
    await once(socket, 'close')
    const last = Buffer.concat(chunks).subarray(-2)
    expect(decode(handshakeCodec, Uint8Array.from(last))).toMatchObject({
      value: { kind: 'refusal', code: 'SIGNER_SECRET_MISMATCH' },
    })
    expect((await signer.lastSigned()).height).toBe(1)
  })

  it('cannot change, repeat or leave out a request', async () => {
    const { server, signer } = await served()
    const spoil: readonly ((chunk: Buffer) => Buffer)[] = [
      (chunk) => {
        const changed = Buffer.from(chunk)
        // The last byte of the block id, before the MAC.
        changed[chunk.length - 33] = (chunk[chunk.length - 33] as number) ^ 1
        return changed
      },
      (chunk) => Buffer.concat([chunk, chunk]),
      () => Buffer.alloc(0),
      (chunk) => chunk.subarray(0, chunk.length - 1),
    ]
    for (const [i, change] of spoil.entries()) {
      // 0 and 1 are the handshake.
      const { address } = await world.proxy(server.address, (chunk, index) =>
        index === 2 ? change(chunk) : chunk,
      )
      const { signer: remote } = await world.connect(address, { pingMs: 60_000 })
      const outcome = remote.signVote(vote(i + 1))
      if (i === 1) await outcome
      else await expect(outcome).rejects.toMatchObject(withCode('SIGNER_UNAVAILABLE'))
      await remote.close()
      // Repeated it was signed once, and the copy ended the connection.
      expect((await signer.lastSigned()).height).toBe(i === 0 ? 0 : 2)
    }
  })

  it('cannot be the signer without the secret', async () => {
    // It skips the check of the proof and welcomes everybody.
    const impostor = createServer((socket) => {
      const answers: Handshake[] = [
        { kind: 'challenge', version: PROTOCOL_VERSION, nonce: digest('n') },
        { kind: 'welcome', mac: digest('guessed') },
      ]
      socket.on('error', () => {})
      socket.on('data', () => {
        const answer = answers.shift()
        if (answer !== undefined) socket.write(frame(encode(handshakeCodec, answer)))
      })
    })
    const address = world.address()
    await new Promise<void>((resolve) => impostor.listen(pathOf(address), resolve))
    const mismatch = withCode('SIGNER_SECRET_MISMATCH')
    await expect(SignerConnection.open(world.connectionOptions(address))).rejects.toMatchObject(
      mismatch,
    )
    await expect(world.connect(address)).rejects.toMatchObject(mismatch)
    await new Promise((resolve) => impostor.close(resolve))
  })
})

describe('junk', () => {
  it('ends its connection and nothing else, whatever it is', async () => {
    const { server } = await served({ handshakeMs: 200 })
    const hello = frame(
      encode(handshakeCodec, {
        kind: 'hello',
        version: PROTOCOL_VERSION,
        chainId: CHAIN_ID,
        nonce: digest('n'),
      }),
    )
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ minLength: 1, maxLength: 80 }).map(frame),
      fc.constant(hello),
      fc.constant(frame(encode(requestCodec, { kind: 'sign', id: 0, message: messageOf(1) }))),
      fc.constantFrom(0, MAX_FRAME + 1, 0xffff_ffff).map((length) => {
        const bytes = Buffer.alloc(4)
        bytes.writeUInt32BE(length)
        return bytes
      }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 5 }), async (chunks) => {
        const socket = rawSocket(server.address)
        await once(socket, 'connect')
        for (const bytes of chunks) socket.write(bytes)
        socket.end()
        socket.resume()
        await once(socket, 'close')
      }),
      { numRuns: 120 },
    )
    const { signer } = await world.connect(server.address)
    await signer.signVote(vote(1))
    expect(world.fatal).toEqual([])
  })

  it('holds few places for a short time', async () => {
    const { server, options } = await served({ handshakeMs: 300, maxUnproven: 3 })
    const sockets = Array.from({ length: 10 }, () => rawSocket(server.address))
    let open = sockets.length
    for (const socket of sockets) socket.on('close', () => open--).resume()
    await until({ what: 'the oldest to be closed' }, () => open <= 3)
    const connection = await SignerConnection.open(options)
    connection.close()
    await until({ what: 'the others to be closed' }, () => open === 0)
  })
})

describe('the socket', () => {
  it('is private, in a private directory', async () => {
    const { server } = await served()
    expect(fs.statSync(pathOf(server.address)).mode & 0o777).toBe(0o600)
    const open = path.join(world.directory, 'open')
    fs.mkdirSync(open)
    fs.chmodSync(open, 0o755)
    const address = { kind: 'unix', path: path.join(open, 's') } as const
    await expect(served({ address })).rejects.toMatchObject({
      detail: { code: 'SECRET_PERMISSIONS', reason: expect.stringContaining('chmod 700') },
    })
  })

  it('takes the place of one that a killed signer left, and of nothing else', async () => {
    const { server } = await served()
    const { address } = server
    await expect(served({ address })).rejects.toMatchObject({ detail: { code: 'SIGNER_SOCKET' } })
    const file = world.address()
    fs.writeFileSync(pathOf(file), 'precious')
    await expect(served({ address: file })).rejects.toMatchObject({
      detail: { code: 'SIGNER_SOCKET' },
    })
    expect(fs.readFileSync(pathOf(file), 'utf8')).toBe('precious')
  })

  it('may be a port of the loopback interface', async () => {
    const { server } = await served({ address: { kind: 'tcp', host: '127.0.0.1', port: 0 } })
    expect(server.address).toMatchObject({ port: expect.any(Number) })
    const { signer } = await world.connect(server.address)
    await signer.signVote(vote(1))
  })
})
