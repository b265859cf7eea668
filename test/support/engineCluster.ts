import { defaultTimeoutOptions } from '../../consensus/index.ts'
import { ENVELOPE_TAG } from '../../core/chain/action.ts'
import { type Block, blockCodec, blockIdOf, type CrossMessage } from '../../core/chain/block.ts'
import type { Certificate } from '../../core/chain/certificate.ts'
import { type Evidence, evidenceHash } from '../../core/chain/evidence.ts'
import type { EthereumHeader } from '../../core/chain/executedBlock.ts'
import type { ValidatorSet } from '../../core/chain/validatorSet.ts'
import { nextValidatorSet, updatesToward } from '../../core/chain/validatorUpdates.ts'
import { proposalDigest, voteDigest } from '../../core/chain/vote.ts'
import { toHex } from '../../core/primitives/bytes.ts'
import { decode, encode } from '../../core/primitives/codec.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { DOMAIN, hash } from '../../core/primitives/hash.ts'
import { addressOfPrivateKey, signatures } from '../../core/primitives/signature.ts'
import { heightOf, millisOf } from '../../core/primitives/units.ts'
import { systemClock } from '../../node/consensus/clock.ts'
import { NexusBft } from '../../node/consensus/engine.ts'
import { EvidencePool } from '../../node/consensus/evidencePool.ts'
import type { TransactionSource } from '../../node/consensus/ports.ts'
import { wholeBodyOf } from '../../node/consensus/proposalBody.ts'
import type { Signer } from '../../node/consensus/signer.ts'
import type { WalFactory } from '../../node/consensus/walDirectory.ts'
import type { WalEntry } from '../../node/consensus/walFormat.ts'
import {
  type ChainHead,
  type Decided,
  type DecideRequest,
  type ExecutionResult,
  storedValidatorSet,
} from '../../node/executor/chainHead.ts'
import { batchCodec, type ConsensusMessage } from '../../node/network/messages.ts'
import { silentLogger } from '../../node/observability/logger.ts'
import type { ConsensusMetrics } from '../../node/observability/metrics.ts'
import type { StateSummary } from '../../node/storage/stateSummary.ts'
import {
  emptyRoots,
  TEST_CHAIN_ID,
  TEST_PARAMS,
  type TestValidators,
  testBlockId,
} from './testChain.ts'

/** What of a node survives a crash. */
export type Disk = {
  readonly blocks: { readonly block: Block; readonly certificate: Certificate }[]
  readonly summaries: StateSummary[]
  readonly wal: Map<number, WalEntry[]>
  readonly signed: Map<string, { readonly digest: string; readonly signature: Uint8Array }>
  readonly evidence: Evidence[]
}

export type ClusterNode = {
  readonly index: number
  readonly disk: Disk
  readonly engine: NexusBft
  readonly pool: Uint8Array[]
  readonly fatal: Error[]
  readonly rejected: string[]
  /** Ends without flushing or closing anything. */
  crash(): Promise<void>
}

const NO_METRICS: ConsensusMetrics = {
  stepChanged() {},
  decided() {},
  proposed() {},
  voteLate() {},
  rejected() {},
  dropped() {},
  equivocation() {},
  queueLength() {},
  validatorSet() {},
}
const TIMEOUTS = {
  ...defaultTimeoutOptions,
  propose: { baseMs: 60, perRoundMs: 20 },
  prevote: { baseMs: 20, perRoundMs: 10 },
  precommit: { baseMs: 20, perRoundMs: 10 },
  rebroadcast: { baseMs: 40, perRoundMs: 0 },
}
const NOBODY = { senders: new Uint8Array(0), signers: new Uint8Array(0) }

/** Real engines on one thread: memory instead of disk and sockets, an echo machine instead of the EVM. */
export class Cluster {
  readonly validators: TestValidators
  /** Each node's key, in the set of a height or not; read when the node starts. */
  readonly keys: Uint8Array[]
  readonly nodes: (ClusterNode | null)[]
  readonly disks: Disk[]
  /** Decides what arrives; tests replace it. */
  deliver: (from: number, to: number, message: ConsensusMessage) => boolean = () => true
  /** What a node answers when it is asked for a block; tests replace it. */
  answer: (from: number, block: Uint8Array) => Uint8Array = (_, block) => block
  /** Nodes that lack the batches of every proposal, and must ask for whole blocks. */
  readonly forgetful = new Set<number>()
  /** Nodes restored from a snapshot, and its height: what came before is not in their records. */
  readonly restoredAt = new Map<number, number>()
  /** Nodes whose signer cannot be asked now. */
  readonly signerAway = new Set<number>()
  emptyBlockIntervalMs = 30
  /** What the block after a height must carry; tests replace it. */
  pendingAfter: (height: number) => readonly CrossMessage[] = () => []
  /** The validators that the execution of a height asks for; tests replace it. */
  targetAfter: (height: number) => ValidatorSet | null = () => null
  /** Called when a node has committed, and when it has signed and nobody heard of it yet; tests replace them. */
  onCommitted: (node: number, height: number) => void = () => undefined
  onSigned: (node: number, height: number) => void = () => undefined
  /** Called when a node sets a timer; tests replace it. */
  onTimer: (node: number, afterMs: number) => void = () => undefined
  /** What every key ever signed, by key and slot: no crash of a node makes this forget. */
  readonly everSigned = new Map<string, string>()
  /** Signatures that only a guard prevented, and those that nothing did. */
  readonly refused: string[] = []
  readonly doubleSigned: string[] = []

  /** `keys` by node, where not every node validates from the start. */
  constructor(validators: TestValidators, keys: readonly Uint8Array[] = validators.keys) {
    this.validators = validators
    this.keys = [...keys]
    this.disks = keys.map(() => emptyDisk(validators))
    this.nodes = keys.map(() => null)
  }

  nodeAt(index: number): ClusterNode {
    const node = this.nodes[index]
    if (node == null) throw new Error(`node ${index} is down`)
    return node
  }

  /** Polls; a node that ended on a fatal error fails the wait with it. */
  async until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs
    while (!holds()) {
      const fatal = this.nodes.flatMap((node) => node?.fatal ?? [])
      if (fatal[0] !== undefined) throw fatal[0]
      if (performance.now() > deadline) {
        const heights = this.disks.map((_, i) => this.heightOf(i))
        throw new Error(`not reached: ${what}; heights ${heights.join(' ')}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }

  startAll(): void {
    for (let i = 0; i < this.nodes.length; i++) this.start(i)
  }

  start(index: number): ClusterNode {
    const node = createNode(this, index)
    this.nodes[index] = node
    node.engine.start(this.headOf(node.disk.summaries.at(-1) as StateSummary))
    return node
  }

  async stopAll(): Promise<void> {
    for (const node of this.nodes) await node?.crash()
  }

  headOf(summary: StateSummary): ChainHead {
    return {
      summary,
      header: { hash: summary.ethereumHash } as EthereumHeader,
      nextBaseFee: 7n,
      pendingMessages: this.pendingAfter(summary.height),
    }
  }

  heightOf(index: number): number {
    return this.disks[index]?.summaries.at(-1)?.height ?? 0
  }

  send(from: number, to: number, message: ConsensusMessage): void {
    setImmediate(() => {
      const target = this.nodes[to]
      if (target != null && this.deliver(from, to, message))
        target.engine.receive(String(from), message)
    })
  }
}

function emptyDisk({ set }: TestValidators): Disk {
  const genesis: StateSummary = {
    height: heightOf(0),
    blockId: testBlockId(0xabc),
    time: millisOf(1),
    roots: emptyRoots,
    stateRoot: new Uint8Array(32),
    receiptsRoot: new Uint8Array(32),
    ethereumHash: new Uint8Array(32),
    validators: set.validators,
    nextValidators: set.advance().validators,
  }
  return { blocks: [], summaries: [genesis], wal: new Map(), signed: new Map(), evidence: [] }
}

function createNode(cluster: Cluster, index: number): ClusterNode {
  const disk = cluster.disks[index] as Disk
  const pool: Uint8Array[] = []
  const fatal: Error[] = []
  const rejected: string[] = []
  const others = cluster.keys.map((_, i) => i).filter((i) => i !== index)
  const reader = readerOf(disk, () => cluster.restoredAt.get(index) ?? 0)
  let alive = true
  const evidence = new EvidencePool({
    reader,
    save: async (found) => void disk.evidence.push(found),
    log: silentLogger,
    metrics: NO_METRICS,
  })
  const emptyBlockIntervalMs = millisOf(cluster.emptyBlockIntervalMs)
  const params = { ...TEST_PARAMS, emptyBlockIntervalMs }
  const engine = new NexusBft(
    { chainId: TEST_CHAIN_ID, params, timeouts: TIMEOUTS },
    {
      signer: createSigner(cluster, index),
      wal: walOf(disk, () => alive),
      network: {
        broadcast: (message) => {
          if (alive) for (const to of others) cluster.send(index, to, message)
        },
        send: (peerId, message) => {
          if (alive) cluster.send(index, Number(peerId), message)
        },
        penalize: (_peer, code) => void rejected.push(code),
        peerIds: () => others.filter((i) => cluster.nodes[i] !== null).map(String),
        requestBlock: async (peerId, height, blockId) => {
          const block = cluster.nodes[Number(peerId)]?.engine.blockBytes(height, blockId) ?? null
          return block === null ? null : cluster.answer(Number(peerId), block)
        },
      },
      executor: createEchoExecutor(cluster, disk, () => alive),
      transactions: createSource(pool, () => cluster.forgetful.has(index)),
      evidence,
      reader,
      clock: {
        ...systemClock,
        setTimer: (run, afterMs) => {
          cluster.onTimer(index, afterMs)
          return systemClock.setTimer(run, afterMs)
        },
      },
      log: silentLogger,
      metrics: NO_METRICS,
      onCommitted: ({ head }) => cluster.onCommitted(index, head.summary.height),
      onPeerHeight: (peerId, height) => void catchUp(cluster, index, Number(peerId), height),
      onFatal: (error) => void fatal.push(error),
    },
  )
  const crash = async (): Promise<void> => {
    alive = false
    cluster.nodes[index] = null
    await engine.stop()
  }
  return { index, disk, engine, pool, fatal, rejected, crash }
}

/** What block sync does, without its timing. */
async function catchUp(
  cluster: Cluster,
  index: number,
  peer: number,
  height: number,
): Promise<void> {
  const source = cluster.disks[peer] as Disk
  const own = cluster.heightOf(index)
  const next = source.blocks[own]
  if (height <= own || next === undefined) return
  await cluster.nodes[index]?.engine.applyCertified(next.block, next.certificate)
}

function readerOf(disk: Disk, start: () => number) {
  return {
    get start() {
      return heightOf(start())
    },
    certificate: (height: number) => disk.blocks[height - 1]?.certificate ?? null,
    refresh: () => {},
    summary: (height: number) => (height < start() ? null : (disk.summaries[height] ?? null)),
    validators: (height: number) =>
      height === 0 || height < start() ? null : (disk.summaries[height - 1]?.validators ?? null),
    hasEvidence: (wanted: Uint8Array) =>
      disk.blocks
        .slice(start())
        .some(({ block }) =>
          block.payload.evidence.some((one) => toHex(evidenceHash(one)) === toHex(wanted)),
        ),
    pendingEvidence: () => disk.evidence,
  }
}

function createEchoExecutor(cluster: Cluster, disk: Disk, alive: () => boolean) {
  return {
    speculate: () => {},
    decide: async (request: DecideRequest): Promise<Decided> => {
      const decoded = decode(blockCodec, request.block)
      if (!decoded.ok) throw new NexusError({ code: decoded.code })
      const block = decoded.value
      const head = disk.summaries.at(-1) as StateSummary
      const result = resultOf(block, request.blockId)
      if (!alive()) return { head: cluster.headOf(head), result, commitSeconds: 0 }
      const next = storedValidatorSet(head.nextValidators)
      const target = cluster.targetAfter(head.height + 1)
      const updates = target === null ? [] : updatesToward(next, target)
      const summary: StateSummary = {
        ...head,
        height: heightOf(head.height + 1),
        blockId: blockIdOf(block.header),
        time: block.header.time,
        stateRoot: hash(DOMAIN.stateRoot, head.stateRoot, encode(blockCodec, block)),
        validators: next.validators,
        nextValidators: nextValidatorSet(next, updates).validators,
      }
      disk.blocks.push({ block, certificate: request.certificate })
      disk.summaries.push(summary)
      return { head: cluster.headOf(summary), result, commitSeconds: 0 }
    },
  }
}

const resultOf = (block: Block, blockId: string): ExecutionResult => ({
  blockId,
  stateRoot: new Uint8Array(32),
  receiptsRoot: new Uint8Array(32),
  gasUsed: 0,
  included: block.payload.evm.map((bytes) => ({ hash: bytes, sender: bytes, nonce: 0 })),
  skipped: [],
  actions: block.payload.core.map((bytes) => ({ hash: bytes, code: null })),
  coreGas: {},
  validatorUpdates: [],
  coreCalls: { accepted: 0, rejected: 0 },
  timings: {},
})

function createSource(pool: Uint8Array[], isForgetful: () => boolean): TransactionSource {
  return {
    hasPending: () => pool.length > 0,
    select: () => {
      const content = contentOf(pool)
      const payload = { ...content, messages: [], evidence: [], lastCommit: null }
      const { batches, inline, transactions } = wholeBodyOf(payload)
      return { ...content, ...NOBODY, batches, inline, transactions }
    },
    resolve: (body) => {
      if (isForgetful()) return Promise.resolve('MISSING' as const)
      const batches = body.inline.map((bytes) => decode(batchCodec, bytes))
      const named = body.transactions.map(({ batch, position }) => {
        const found = batches[batch]
        return found?.ok ? (found.value[position] as Uint8Array) : new Uint8Array(0)
      })
      return { ...contentOf(named), ...NOBODY }
    },
    signatoriesOf: async () => NOBODY,
    committed: ({ included, actions }) => {
      const gone = new Set([...included, ...actions].map(({ hash: bytes }) => toHex(bytes)))
      pool.splice(0, pool.length, ...pool.filter((bytes) => !gone.has(toHex(bytes))))
    },
  }
}

const contentOf = (pool: readonly Uint8Array[]) => ({
  evm: pool.filter(([first]) => first !== ENVELOPE_TAG),
  core: pool.filter(([first]) => first === ENVELOPE_TAG),
})

/** Appends are lost with a crash until they are flushed. */
function walOf(disk: Disk, alive: () => boolean): WalFactory {
  return {
    open: async (height) => {
      const durable = disk.wal.get(height) ?? []
      disk.wal.set(height, durable)
      const waiting: WalEntry[] = []
      const flush = async (): Promise<void> => {
        if (alive()) durable.push(...waiting.splice(0))
      }
      return {
        entries: [...durable],
        wal: {
          append: (type, payload) => void waiting.push({ type, payload }),
          flush,
          close: async () => {},
          discard: () => {},
        },
      }
    },
    removeBelow: async (height) => {
      for (const key of [...disk.wal.keys()]) if (key < height) disk.wal.delete(key)
    },
  }
}

/** The double-sign rule, and a record of everything this key ever signed. */
function createSigner(cluster: Cluster, index: number): Signer {
  const disk = cluster.disks[index] as Disk
  const key = cluster.keys[index] as Uint8Array
  const address = addressOfPrivateKey(key)
  const sign = (place: Place, step: string, digest: Uint8Array): Uint8Array => {
    if (cluster.signerAway.has(index)) throw new NexusError({ code: 'SIGNER_UNAVAILABLE' })
    const slot = `${toHex(address)}/${place.height}/${place.round}/${step}`
    const before = disk.signed.get(slot)
    if (before !== undefined && before.digest !== toHex(digest)) {
      cluster.refused.push(slot)
      throw new NexusError({ code: 'DOUBLE_SIGN_REFUSED' })
    }
    const { signature } = signatures.sign(digest, key)
    disk.signed.set(slot, { digest: toHex(digest), signature })
    const ever = cluster.everSigned.get(slot) ?? toHex(digest)
    if (ever !== toHex(digest)) cluster.doubleSigned.push(slot)
    cluster.everSigned.set(slot, ever)
    cluster.onSigned(index, place.height)
    return signature
  }
  return {
    address,
    signVote: async (vote) => ({ ...vote, signature: sign(vote, vote.type, voteDigest(vote)) }),
    signProposal: async (proposal) => ({
      ...proposal,
      signature: sign(proposal, 'proposal', proposalDigest(proposal)),
    }),
  } as Signer
}

type Place = { readonly height: number; readonly round: number }
