import type { FrameKind } from '../../core/chain/trace.ts'
import { EMPTY_BYTES } from '../../core/primitives/bytes.ts'
import type { AccountEntry, SlotEntry } from '../state/entries.ts'
import { bytesOfWord } from '../state/word.ts'
import type { Tracer, TraceStep } from '../tracer.ts'
import type { Frame } from './frame.ts'
import type { Vm } from './vm.ts'

/** They write to memory before their cost is known, so what was there is copied. */
const WRITES_MEMORY: ReadonlySet<number> = new Set([0x37, 0x39, 0x3c, 0x3e, 0x52, 0x53, 0x5e])

/** Tells a tracer what happens. A step is told when its cost is known: at the next one, or when a frame is entered or left. */
export class Trace {
  readonly #tracer: Tracer
  readonly #vm: Vm
  #pending: Omit<TraceStep, 'cost' | 'error'> | null = null
  #frame: Frame | null = null

  constructor(tracer: Tracer, vm: Vm) {
    this.#tracer = tracer
    this.#vm = vm
  }

  /** Before the opcode at the frame's `pc`. */
  step(frame: Frame): void {
    this.flush()
    if (this.#tracer.step === undefined) return
    const vm = this.#vm
    const { pc, gas, depth, base, size, self } = frame
    const op = frame.code.padded[pc] as number
    const memory = vm.memory.subarray(base, base + size)
    this.#frame = frame
    this.#pending = {
      pc,
      op,
      name: vm.fork.names[op] as string,
      gas,
      depth: depth + 1,
      stack: vm.stack.slice(frame.floor + 1, frame.sp + 1).map(BigInt),
      memory: WRITES_MEMORY.has(op) ? memory.slice() : memory,
      refund: vm.refund,
      address: self.address,
      returnData: frame.returned,
    }
  }

  flush(error: string | null = null): void {
    const pending = this.#pending
    const frame = this.#frame
    if (pending === null || frame === null) return
    this.#pending = null
    this.#tracer.step?.({ ...pending, cost: pending.gas - frame.gas, error })
  }

  enter(
    kind: FrameKind,
    parties: { readonly from: Uint8Array; readonly to: Uint8Array },
    call: {
      readonly value: bigint
      readonly gas: number
      readonly input: Uint8Array
      readonly depth: number
    },
  ): void {
    this.flush()
    this.#tracer.enter?.({ kind, ...parties, ...call, depth: call.depth + 1 })
  }

  exit(depth: number, gasUsed: number, error: string | null, output: Uint8Array): void {
    this.flush(error === 'revert' ? null : error)
    const { fault } = this.#vm
    this.#tracer.exit?.({ depth: depth + 1, gasUsed, error, fault, output })
  }

  selfDestruct(frame: Frame, beneficiary: Uint8Array, value: bigint): void {
    const depth = frame.depth + 1
    const parties = { from: frame.self.address, to: beneficiary }
    this.enter('SELFDESTRUCT', parties, { value, gas: 0, input: EMPTY_BYTES, depth })
    this.exit(depth, 0, null, EMPTY_BYTES)
  }

  log(frame: Frame, topics: readonly Uint8Array[], data: Uint8Array): void {
    const { depth, self } = frame
    this.#tracer.log?.({ address: self.address, topics, data, depth: depth + 1 })
  }
  account(entry: AccountEntry): void {
    this.#tracer.account?.(entry.address)
  }
  slot(entry: AccountEntry, slot: SlotEntry): void {
    this.#tracer.slot?.(entry.address, bytesOfWord(slot.slot))
  }
}
