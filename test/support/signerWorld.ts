// A signer behind a real socket, and everything between it and a node that a test may spoil.
import * as fs from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import type { Proposal, Vote } from '../../core/chain/vote.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { addressOfPrivateKey } from '../../core/primitives/signature.ts'
import { type BlockId, heightOf, roundOf } from '../../core/primitives/units.ts'
import { LastSignedFile } from '../../node/consensus/lastSigned.ts'
import { FileSigner, type GuardedSigner } from '../../node/consensus/signer.ts'
import { silentLogger } from '../../node/observability/logger.ts'
import type { SignerAddress } from '../../node/signer/address.ts'
import { defaultRemoteSignerOptions, RemoteSigner } from '../../node/signer/remoteSigner.ts'
import {
  defaultSignerServerOptions,
  SignerServer,
  type SignerServerOptions,
} from '../../node/signer/server.ts'
import { MemoryFileSystem } from './memoryFileSystem.ts'
import { CHAIN_ID, digest, privateKeyOf } from './storedChain.ts'

export const SECRET = digest('shared secret')
export const blockA = toHex(digest('a')) as BlockId
export const blockB = toHex(digest('b')) as BlockId

export const vote = (
  height: number,
  blockId: BlockId | null = blockA,
  more: Partial<Vote> = {},
): Vote => ({
  type: 'prevote',
  chainId: CHAIN_ID,
  height: heightOf(height),
  round: roundOf(0),
  blockId,
  validatorIndex: 3,
  ...more,
})

export const proposal = (height: number, blockId: BlockId = blockA): Proposal => ({
  chainId: CHAIN_ID,
  height: heightOf(height),
  round: roundOf(0),
  polRound: -1,
  blockId,
  validatorIndex: 3,
})

/** A guarded signer over a file system that can be kept, as by a restart. */
export async function memorySigner(
  fileSystem = new MemoryFileSystem(),
  privateKey = privateKeyOf(0),
): Promise<FileSigner> {
  const identity = { chainId: CHAIN_ID, address: addressOfPrivateKey(privateKey) }
  const statePath = '/last-signed'
  if ((await fileSystem.read(statePath)) === null)
    await LastSignedFile.create(statePath, identity, fileSystem)
  return FileSigner.open({ chainId: CHAIN_ID, privateKey, statePath, fileSystem })
}

export class SignerWorld {
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-sgn-'))
  readonly fatal: unknown[] = []
  readonly #closers: (() => Promise<void> | void)[] = []
  #sockets = 0

  /** A new path in a private directory. */
  address(): SignerAddress {
    return { kind: 'unix', path: path.join(this.directory, `s${this.#sockets++}`) }
  }

  async serve(
    signer: GuardedSigner,
    options: Partial<SignerServerOptions> = {},
  ): Promise<SignerServer> {
    const server = await SignerServer.listen(
      {
        ...defaultSignerServerOptions,
        address: this.address(),
        chainId: CHAIN_ID,
        secret: SECRET,
        ...options,
      },
      { signer, log: silentLogger, onFatal: (error) => this.fatal.push(error) },
    )
    this.#closers.push(() => server.close())
    return server
  }

  connectionOptions(address: SignerAddress) {
    return { address, chainId: CHAIN_ID, secret: SECRET, handshakeMs: 1_000 }
  }

  async connect(
    address: SignerAddress,
    options: Partial<Parameters<typeof RemoteSigner.open>[0]> = {},
  ): Promise<{ readonly signer: RemoteSigner; readonly counts: Map<string, number> }> {
    const counts = new Map<string, number>()
    const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
    const signer = await RemoteSigner.open(
      {
        ...defaultRemoteSignerOptions,
        ...{ address, chainId: CHAIN_ID, secret: SECRET },
        ...{ timeoutMs: 300, connectMs: 400, handshakeMs: 300, pingMs: 100 },
        backoffMs: { first: 5, most: 20 },
        ...options,
      },
      {
        log: silentLogger,
        metrics: {
          signed: () => count('signed'),
          failed: (code) => count(code),
          connected: (is) => count(is ? 'connected' : 'lost'),
        },
        now: () => performance.now(),
      },
    )
    this.#closers.push(() => signer.close())
    return { signer, counts }
  }

  /** Passes bytes both ways and lets a test see and change what the node sends. */
  async proxy(
    target: SignerAddress,
    change: (chunk: Buffer, index: number) => Buffer,
  ): Promise<{ readonly address: SignerAddress; readonly toSigner: Buffer[] }> {
    const address = this.address()
    const toSigner: Buffer[] = []
    const server: Server = createServer((node) => {
      const signer = rawSocket(target)
      for (const socket of [node, signer]) socket.on('error', () => {})
      node.on('data', (chunk) => {
        const passed = change(chunk as Buffer, toSigner.length)
        toSigner.push(passed)
        signer.write(passed)
      })
      signer.pipe(node)
      node.on('close', () => signer.destroy())
      signer.on('close', () => node.destroy())
      this.#closers.push(() => void node.destroy())
    })
    await new Promise<void>((resolve) => server.listen(pathOf(address), resolve))
    this.#closers.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
    return { address, toSigner }
  }

  async dispose(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
    fs.rmSync(this.directory, { recursive: true })
  }
}

export const pathOf = (address: SignerAddress): string =>
  address.kind === 'unix' ? address.path : ''

export function rawSocket(address: SignerAddress): Socket {
  const socket = createConnection({ path: pathOf(address) })
  socket.on('error', () => {})
  return socket
}
