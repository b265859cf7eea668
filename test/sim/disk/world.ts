import { type Block, blockCodec } from '../../../core/chain/block.ts'
import { certificateCodec } from '../../../core/chain/certificate.ts'
import type { SignedVote } from '../../../core/chain/vote.ts'
import { assert } from '../../../core/primitives/assert.ts'
import { encode } from '../../../core/primitives/codec.ts'
import type { ConsensusMessage } from '../../../node/network/messages.ts'
import type { CertifiedBytes } from '../../../node/network/requests.ts'
import type { ChainReader } from '../../../node/storage/chainReader.ts'
import {
  type TestValidators,
  testBlockId,
  testValidators,
  testVote,
} from '../../support/testChain.ts'
import { Prng } from '../core/prng.ts'
import { SignatureChecker } from './checker.ts'
import { VirtualTime } from './clock.ts'
import { type Boot, boot, type Surroundings } from './machine.ts'
import { VirtualDisk } from './virtualDisk.ts'

export type Machine = {
  readonly index: number
  readonly disk: VirtualDisk
  /** Null: off, exited, or still starting. */
  running: Boot | null
  /** What it refused to start with, or ended with. */
  failure: Error | null
  /** The height it last told others to be durable. */
  announced: number
}

export type CrashWorldOptions = {
  readonly powers: readonly number[]
  readonly seed: number
  /** Whether a message arrives. */
  readonly delivers: (from: number, to: number, message: ConsensusMessage) => boolean
  /** Sends a second prevote at height 1. */
  readonly equivocator: number | null
}

/** Validators on one thread, each with its own disk; the same options give the same run, operation by operation. */
export class CrashWorld {
  readonly time = new VirtualTime()
  readonly checker = new SignatureChecker()
  readonly validators: TestValidators
  readonly machines: readonly Machine[]
  readonly penalties: string[] = []
  readonly #options: CrashWorldOptions
  readonly #network: Prng

  constructor(options: CrashWorldOptions) {
    this.#options = options
    this.#network = new Prng(options.seed)
    this.validators = testValidators(options.powers)
    if (options.equivocator !== null) this.checker.exempt.add(options.equivocator)
    this.machines = options.powers.map((_, index) => {
      const prng = new Prng(options.seed + 1 + index)
      const disk = new VirtualDisk({
        random: (bound) => prng.u32() % bound,
        latency: (kind) => this.time.sleep(((DISK_MS[kind] ?? 0) * prng.range(1, 20)) / 10),
      })
      return { index, disk, running: null, failure: null, announced: 0 }
    })
  }

  /** Starts a machine; `running` or `failure` tells later how it went. */
  start(index: number): void {
    const machine = this.machine(index)
    const life = { isAlive: true }
    const end = (): void => {
      life.isAlive = false
      machine.running = null
    }
    machine.failure = null
    machine.disk.onPowerCut = end
    const surroundings = this.#surroundings(machine, life, (error) => {
      end()
      machine.failure = error
    })
    boot(surroundings).then(
      (running) => {
        if (!life.isAlive) return
        machine.running = running
        this.#introduce(machine)
      },
      (error) => {
        if (life.isAlive) machine.failure = error
      },
    )
  }

  machine(index: number): Machine {
    const machine = this.machines[index]
    assert(machine !== undefined, 'a machine has an index')
    return machine
  }

  heightOf(index: number): number {
    return this.machine(index).running?.engine.head.summary.height ?? -1
  }

  #introduce(machine: Machine): void {
    for (const other of this.machines) {
      if (other === machine || other.running === null) continue
      other.running.engine.greet(String(machine.index))
      machine.running?.engine.greet(String(other.index))
    }
  }

  #surroundings(
    machine: Machine,
    life: { readonly isAlive: boolean },
    onFatal: (error: Error) => void,
  ): Surroundings {
    const { index, disk } = machine
    const salts = new Prng(this.#options.seed * 31 + index)
    return {
      index,
      validators: this.validators,
      disk,
      clock: this.time.clockOf(() => life.isAlive),
      checker: this.checker,
      randomBytes: (length) => Uint8Array.from({ length }, () => salts.u32() & 0xff),
      send: (to, message) => {
        if (life.isAlive) this.#send(index, to, message)
      },
      peers: () => this.machines.filter(({ running }) => running !== null).map((one) => one.index),
      requestBlocks: async (peerId, from, count) => {
        await this.time.sleep(LINK_MS)
        return certifiedBlocks(this.#readerOf(peerId), from, count)
      },
      requestBlock: async (peerId, height, blockId) => {
        await this.time.sleep(LINK_MS)
        return this.machine(Number(peerId)).running?.engine.blockBytes(height, blockId) ?? null
      },
      penalize: (peerId, code) => {
        if (Number(peerId) !== this.#options.equivocator) this.penalties.push(`${peerId} ${code}`)
      },
      announce: (height) => {
        machine.announced = height
        for (const { running } of this.machines)
          this.time.after(LINK_MS, () => running?.sync.noteHeight(String(index), height))
      },
      onFatal,
    }
  }

  #readerOf(peerId: string): ChainReader {
    const { running } = this.machine(Number(peerId))
    if (running === null) throw new Error('the peer is gone')
    return running.reader
  }

  #send(from: number, to: number, message: ConsensusMessage): void {
    this.checker.see(message)
    this.#deliver(from, to, message)
    if (message.kind !== 'vote' || from !== this.#options.equivocator) return
    const { vote } = message
    if (vote.height === 1 && vote.type === 'prevote' && vote.round === 0)
      this.#deliver(from, to, { kind: 'vote', vote: this.#secondVote(vote) })
  }

  #deliver(from: number, to: number, message: ConsensusMessage): void {
    const jitter = this.#network.range(0, 300) / 1_000
    if (!this.#options.delivers(from, to, message)) return
    this.time.after(LINK_MS + jitter, () => {
      const running = this.machine(to).running
      if (message.kind === 'status') running?.sync.noteHeight(String(from), message.height)
      else running?.engine.receive(String(from), message)
    })
  }

  #secondVote({ type, validatorIndex, height, round }: SignedVote): SignedVote {
    return testVote(this.validators.keys, {
      type,
      validatorIndex,
      height,
      round,
      blockId: testBlockId(0xbad),
    })
  }
}

const LINK_MS = 1
const DISK_MS: Readonly<Record<string, number>> = { sync: 0.2, syncDirectory: 0.3, batch: 0.5 }

function certifiedBlocks(reader: ChainReader, from: number, count: number): CertifiedBytes[] {
  const served: CertifiedBytes[] = []
  for (let height = from; height < from + count; height++) {
    const block: Block | null = reader.block(height)
    const certificate = reader.certificate(height)
    if (block === null || certificate === null) break
    served.push({
      block: encode(blockCodec, block),
      certificate: encode(certificateCodec, certificate),
    })
  }
  return served
}
