import type { ActionClass, Post } from './coprocessor.ts'

/** A call of a signed action, its arguments decoded and their accounts known. */
export type UnitCall = {
  readonly fn: number
  /** Canonical bytes of the arguments, as signed. */
  readonly args: Uint8Array
  /** The same decoded: account fields are ledger ids. */
  readonly values: { readonly [name: string]: unknown }
}

/** One call, or all calls of an atomic envelope: what stands or falls together. */
export type EngineUnit = {
  readonly class: ActionClass
  /** Ledger id of the owner. */
  readonly account: number
  readonly address: Uint8Array
  /** Index into the task's budgets: calls of one envelope share what it can still pay for. */
  readonly budget: number
  readonly calls: readonly UnitCall[]
}

/** One engine's part of a block's signed actions. Units are in the order in which they run. */
export type EngineTask = {
  readonly engine: number
  readonly height: number
  /** Milliseconds. */
  readonly time: number
  /** Core gas after which further calls are refused with BLOCK_FULL. */
  readonly blockGas: number
  /** Core gas per envelope. */
  readonly budgets: readonly number[]
  readonly units: readonly EngineUnit[]
}

export type CallOutcome = {
  readonly code: string | null
  readonly gasUsed: number
  /** Canonical bytes; accounts are still ids (`fieldsCodec`). */
  readonly result: Uint8Array
}

/** A post with who caused it. */
export type SentPost = {
  readonly source: number
  readonly caller: number
  readonly callerAddress: Uint8Array
  readonly post: Post
}

export type EngineOutcome = {
  readonly engine: number
  /** One per call, in the order of units and their calls. */
  readonly calls: readonly CallOutcome[]
  readonly posts: readonly SentPost[]
  /** Encoded, in order. */
  readonly events: Uint8Array
  readonly gasUsed: number
}

/**
 * Runs the batches of several engines, each on its own memory, and answers in the order of the
 * tasks. Where they run must not show in state, outcomes or events. Throws ENGINE_FAULT when an
 * engine throws, ENGINE_TIMEOUT when one does not come back.
 */
export type EngineRunner = {
  run(tasks: readonly EngineTask[]): Promise<readonly EngineOutcome[]>
}
