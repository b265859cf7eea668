import { type Hex, keccak256, type LocalAccount } from 'viem'
import { nexusChain } from './clients.ts'
import { ask, call } from './jsonRpc.ts'
import { sleep } from './wait.ts'

/** What happened to one transaction of the load. */
export type Sent = {
  readonly hash: Hex
  readonly raw: Hex
  /** The node that accepted it first. */
  readonly acceptedBy: number
  /** It had to be sent again because the node that accepted it was killed meanwhile. */
  readonly resent: boolean
  readonly waitedMs: number
}

const GAS_PRICE = 50_000_000_000n
const POLL_MS = 20
/** Between a receipt and the next transaction of a sender: a chain of thousands of blocks takes long to compare. */
const PAUSE_MS = 250
const CALL_TIMEOUT_MS = 2_000

/**
 * Senders that each submit a transfer to a node that is up, wait for its receipt on any node, and
 * go on with the next nonce, as careful wallets do. A transaction is sent again only when the node
 * that had accepted it was killed: what a living node accepted, it must bring to the chain.
 */
export class Load {
  readonly #urls: readonly string[]
  readonly #up: boolean[]
  /** How often each node was killed: an acceptance is worth something within one life only. */
  readonly #lives: number[]
  readonly #senders: Promise<void>[]
  #stopping = false
  readonly sent: Sent[] = []
  /** Answers that no sender of valid transactions should ever get. */
  readonly refusals: string[] = []

  constructor(urls: readonly string[], accounts: readonly LocalAccount[]) {
    this.#urls = urls
    this.#up = urls.map(() => true)
    this.#lives = urls.map(() => 0)
    this.#senders = accounts.map((account, i) => this.#run(account, i))
  }

  down(node: number): void {
    this.#up[node] = false
    this.#lives[node] = (this.#lives[node] ?? 0) + 1
  }
  up(node: number): void {
    this.#up[node] = true
  }

  /** Waits until every sender has the receipt of its last transaction. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#senders)
  }

  async #run(account: LocalAccount, index: number): Promise<void> {
    const first = this.#urls[index % this.#urls.length] ?? ''
    let nonce = Number(
      await call<Hex>(first, 'eth_getTransactionCount', [account.address, 'latest']),
    )
    for (let turn = index; !this.#stopping; turn++, nonce++) {
      const raw = await account.signTransaction({
        type: 'legacy',
        chainId: nexusChain.id,
        nonce,
        to: account.address,
        value: 1n,
        gas: 21_000n,
        gasPrice: GAS_PRICE,
      })
      await this.#deliver(raw, turn)
      await sleep(PAUSE_MS)
    }
  }

  async #deliver(raw: Hex, turn: number): Promise<void> {
    const startedMs = performance.now()
    let accepted = await this.#submit(raw, turn)
    const acceptedBy = accepted.node
    let resent = false
    for (;;) {
      if (await this.#hasReceipt(accepted.hash, turn)) break
      if (this.#lives[accepted.node] !== accepted.life) {
        resent = true
        accepted = await this.#submit(raw, turn)
      }
      await sleep(POLL_MS)
    }
    const waitedMs = performance.now() - startedMs
    this.sent.push({ hash: accepted.hash, raw, acceptedBy, resent, waitedMs })
  }

  /** Tries the nodes in turn until one accepts. */
  async #submit(raw: Hex, turn: number): Promise<{ hash: Hex; node: number; life: number }> {
    for (let attempt = turn; ; attempt++) {
      const node = attempt % this.#urls.length
      const life = this.#lives[node] ?? 0
      if (this.#up[node]) {
        const answer = await this.#attempt(node, raw)
        if (typeof answer === 'string') return { hash: answer, node, life }
      }
      await sleep(POLL_MS)
    }
  }

  async #attempt(node: number, raw: Hex): Promise<Hex | null> {
    try {
      const url = this.#urls[node] ?? ''
      const answer = await ask(url, 'eth_sendRawTransaction', [raw], CALL_TIMEOUT_MS)
      if (answer.kind === 'result') return answer.result as Hex
      // A second delivery finds the first: both say that the chain has the transaction.
      if (/already known|nonce too low/i.test(answer.message)) return keccak256(raw)
      this.refusals.push(`node ${node}: ${answer.code} ${answer.message}`)
    } catch {
      // The connection broke: the node is dying or not yet up.
    }
    return null
  }

  async #hasReceipt(hash: Hex, turn: number): Promise<boolean> {
    const node = this.#urls.findIndex((_, i) => this.#up[(turn + i) % this.#urls.length])
    if (node < 0) return false
    const url = this.#urls[(turn + node) % this.#urls.length] ?? ''
    try {
      const answer = await ask(url, 'eth_getTransactionReceipt', [hash], CALL_TIMEOUT_MS)
      return answer.kind === 'result' && answer.result !== null
    } catch {
      return false
    }
  }
}
