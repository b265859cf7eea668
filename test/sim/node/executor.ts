import type { Evidence } from '../../../core/chain/evidence.ts'
import type {
  ChainHead,
  Decided,
  DecideRequest,
  ExecuteRequest,
} from '../../../node/executor/chainHead.ts'
import type { Machine } from './echoMachine.ts'

/** The executor as the node sees it through its thread: one request after another, each taking its time. */
export class VirtualExecutor {
  readonly #machine: Machine
  readonly #work: () => Promise<void>
  readonly #onFatal: (error: Error) => void
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    machine: Machine,
    modules: {
      /** Resolves when a block's execution would have ended. */
      readonly work: () => Promise<void>
      readonly onFatal: (error: Error) => void
    },
  ) {
    this.#machine = machine
    this.#work = modules.work
    this.#onFatal = modules.onFatal
  }

  get head(): ChainHead {
    return this.#machine.head
  }

  speculate(request: ExecuteRequest): void {
    this.#inTurn(() => this.#machine.speculate(request)).catch(this.#onFatal)
  }

  decide(request: DecideRequest): Promise<Decided> {
    return this.#inTurn(async () => {
      await this.#work()
      return this.#machine.decide(request)
    })
  }

  savePendingEvidence(evidence: Evidence): Promise<void> {
    return this.#inTurn(() => this.#machine.savePendingEvidence(evidence))
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(run, run)
    this.#last = turn.catch(() => {})
    return turn
  }
}
