// Real validators under load, of which a random one dies by SIGKILL at a random instant, again and again.
import { readFileSync } from 'node:fs'
import { ledgerTable } from '../../coprocessors/ledger/index.ts'
import { fromHex } from '../../core/primitives/bytes.ts'
import { createNexusClient, privateKeySigner } from '../../rpc/client/index.ts'
import { Prng } from '../sim/core/prng.ts'
import { certificateFaults, equivocationsOf } from './certificates.ts'
import { accountOf } from './clients.ts'
import { Devnet } from './devnet.ts'
import { HeightWatch } from './heights.ts'
import { call } from './jsonRpc.ts'
import { Load } from './load.ts'
import type { NexusProcess } from './processes.ts'
import { faultsOf, headOf, readChain } from './sameChain.ts'
import { sleep, until } from './wait.ts'

export type KillLoopOptions = {
  readonly count: number
  readonly seed: number
  /** Within which a killed validator must be back: on a machine that is busy otherwise, more than the default. */
  readonly recoveryLimitMs?: number
  readonly onKill: (kill: KillReport) => void
}

export type KillReport = {
  readonly number: number
  readonly node: number
  /** It was killed again while it started. */
  readonly twice: boolean
  readonly height: number
  /** From the start of the process until it has what the others have. */
  readonly recoveryMs: number
}

export type KillLoopReport = {
  readonly kills: number
  readonly blocks: number
  readonly transactions: number
  readonly actions: number
  readonly recoveryMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** The longest time without a block that any node would show. */
  readonly longestGapMs: number
  /** Broken promises; empty when all is well. */
  readonly faults: readonly string[]
}

const VALIDATORS = 4
const RECOVERY_LIMIT_MS = 60_000
const indexes = Array.from({ length: VALIDATORS }, (_, i) => i)

/** Starts a devnet of its own, which `disposeAll` removes. Two to three seconds a kill. */
export async function runKillLoop(options: KillLoopOptions): Promise<KillLoopReport> {
  const devnet = await Devnet.start({ validators: VALIDATORS })
  return new KillLoop(devnet, options).run()
}

class KillLoop {
  readonly #devnet: Devnet
  readonly #options: KillLoopOptions
  readonly #prng: Prng
  readonly #load: Load
  readonly #watch: HeightWatch
  readonly #recoveries: number[] = []
  readonly #faults: string[] = []
  readonly #up = indexes.map(() => true)
  readonly #started: NexusProcess[] = []
  #kills = 0
  #actions = 0
  #isRunning = true

  constructor(devnet: Devnet, options: KillLoopOptions) {
    this.#devnet = devnet
    this.#options = options
    this.#prng = new Prng(options.seed)
    const urls = indexes.map((node) => this.#urlOf(node))
    this.#load = new Load(
      urls,
      indexes.map((i) => accountOf(devnet.report, i)),
    )
    this.#watch = new HeightWatch(urls)
  }

  async run(): Promise<KillLoopReport> {
    const acting = this.#act()
    // Every sender has learnt its nonce when its first transaction is in.
    await until({ what: 'the load to run' }, () => this.#load.sent.length >= 2 * VALIDATORS)
    for (let number = 1; number <= this.#options.count; number++) {
      await sleep(this.#prng.range(0, 1_200))
      await this.#killOne(number)
    }
    this.#isRunning = false
    await Promise.all([acting, this.#load.stop()])
    const longestGapMs = Math.round(this.#watch.takeLongestGapMs())
    await this.#watch.stop()
    const blocks = await this.#compare()
    const sorted = this.#recoveries.toSorted((a, b) => a - b)
    return {
      kills: this.#kills,
      blocks,
      transactions: this.#load.sent.length,
      actions: this.#actions,
      recoveryMs: {
        p50: sorted[sorted.length >> 1] ?? 0,
        p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
        max: sorted.at(-1) ?? 0,
      },
      longestGapMs,
      faults: this.#faults,
    }
  }

  async #killOne(number: number): Promise<void> {
    const node = this.#prng.range(0, VALIDATORS - 1)
    this.#up[node] = false
    this.#load.down(node)
    await this.#kill(node)
    await sleep(this.#prng.range(0, 400))
    const twice = this.#prng.chance(20)
    if (twice) {
      this.#start(node)
      await sleep(this.#prng.range(50, 900))
      await this.#kill(node)
    }
    const recoveryMs = await this.#recover(node)
    this.#load.up(node)
    this.#up[node] = true
    this.#recoveries.push(recoveryMs)
    this.#options.onKill({ number, node, twice, height: this.#watch.height, recoveryMs })
  }

  async #kill(node: number): Promise<void> {
    await this.#devnet.kill(node)
    this.#kills++
  }

  #start(node: number): NexusProcess {
    const started = this.#devnet.startValidator(node)
    this.#started.push(started)
    return started
  }

  async #recover(node: number): Promise<number> {
    const startedMs = performance.now()
    const target = this.#watch.height
    const started = this.#start(node)
    const url = this.#urlOf(node)
    const wait = {
      what: `validator ${node} to reach ${target}`,
      timeoutMs: this.#options.recoveryLimitMs ?? RECOVERY_LIMIT_MS,
      everyMs: 20,
    }
    await until(wait, async () => {
      if (started.exit !== null) return true
      return (await headOf(url)) >= target && (await call(url, 'eth_syncing')) === false
    })
    if (started.exit !== null) throw new Error(`validator ${node} ended: ${started.output}`)
    return Math.round(performance.now() - startedMs)
  }

  /** Light work for the other machine: deposits from account 8 to the exchange, whoever is up. */
  async #act(): Promise<void> {
    const signer = privateKeySigner(fromHex(this.#devnet.report.accounts[8]?.privateKey ?? ''))
    const clients = indexes.map((node) =>
      createNexusClient({ url: this.#urlOf(node), engines: { ledger: ledgerTable }, signer }),
    )
    for (let turn = 0; this.#isRunning; turn++) {
      const node = turn % VALIDATORS
      const client = clients[node]
      if (this.#up[node] && client !== undefined)
        await client
          .send([client.actions.ledger.depositTo({ engine: 2, asset: 0, amount: 1 + turn })])
          .then(() => this.#actions++)
          .catch(() => undefined)
      await sleep(150)
    }
  }

  /** All nodes tell one chain with everything accepted in it, nobody signed twice; the number of blocks. */
  async #compare(): Promise<number> {
    const heads = await Promise.all(indexes.map((node) => headOf(this.#urlOf(node))))
    const head = Math.min(...heads)
    const chain = await readChain(this.#urlOf(0), 0, head)
    this.#faults.push(...(await faultsOf(chain)))
    const seen = new Set(
      chain.flatMap(({ receipts }) => receipts.map((one) => one.transactionHash)),
    )
    for (const { hash } of this.#load.sent)
      if (!seen.has(hash)) this.#faults.push(`transaction ${hash} is lost`)
    this.#faults.push(...this.#load.refusals)
    for (const node of indexes.slice(1)) {
      const other = await readChain(this.#urlOf(node), 0, head)
      for (const [height, told] of other.entries())
        if (JSON.stringify(told) !== JSON.stringify(chain[height]))
          this.#faults.push(`block ${height} of node ${node} differs`)
    }
    this.#faults.push(...(await certificateFaults(this.#devnet.report, 1, head)))
    await this.#findEquivocations()
    return head
  }

  async #findEquivocations(): Promise<void> {
    for (const { index, metrics, log } of this.#devnet.report.validators) {
      const seen = await equivocationsOf(metrics)
      if (seen > 0) this.#faults.push(`node ${index} saw ${seen} equivocations`)
      if (readFileSync(log, 'utf8').includes(EQUIVOCATION))
        this.#faults.push(`node ${index} logged an equivocation`)
    }
    for (const { output } of this.#started)
      if (output.includes(EQUIVOCATION))
        this.#faults.push('a restarted node logged an equivocation')
  }

  #urlOf(node: number): string {
    return this.#devnet.validator(node).rpc
  }
}

const EQUIVOCATION = 'Equivocation detected'
