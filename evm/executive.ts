import type { Log } from '../core/chain/executedBlock.ts'
import type { CorePort } from '../core/host/corePort.ts'
import type { AccessListEntry } from './accessList.ts'
import type { BlockEnvironment } from './blockEnvironment.ts'
import type { FlatState } from './state/flatState.ts'
import type { Tracer } from './tracer.ts'

/** Nexus: our own interpreter (`vm/`). Reference: `@ethereumjs/evm` (`interpreter/`). */
export type ExecutiveName = 'nexus' | 'reference'

/** One call or creation from outside, its transaction's fee and intrinsic gas already taken. */
export type TopCall = {
  readonly caller: Uint8Array
  /** Null creates a contract at the caller's last nonce. */
  readonly to: Uint8Array | null
  readonly value: bigint
  readonly data: Uint8Array
  readonly gas: number
  readonly gasPrice: bigint
}

/** What geth says beyond the EVM's words for an exception: its own words, or the opcode and the items on its frame's stack. */
export type Fault = string | { readonly op: number; readonly items: number }

export type TopResult = {
  readonly gasUsed: number
  readonly refund: number
  /** Null on success, else the EVM's words for the exception. */
  readonly error: string | null
  /** Nexus only. */
  readonly fault: Fault | null
  readonly returnData: Uint8Array
  readonly logs: readonly Log[]
  readonly created: Uint8Array | null
  /** EIP-6780: what the same transaction created and destroyed. */
  readonly destroyed: readonly Uint8Array[]
}

/** Runs code on the state in front of it, one message at a time. */
export type Executive = {
  readonly name: ExecutiveName
  /** Addresses that are always warm and never listed, engines left out. */
  readonly precompiles: readonly Uint8Array[]
  /** Puts a state in front, with engines beside it, and forgets what a run that threw left behind. */
  enter(flat: FlatState, port: CorePort | null): void
  /** Warms an address until the transaction ends, whatever reverts (EIP-2929). */
  warm(address: Uint8Array): void
  /** EIP-2930: warms the addresses and slots, and notes them if access is reported. */
  warmListed(accessList: readonly AccessListEntry[]): void
  /**
   * Never a promise from nexus, always one from the reference. What the call touched and warmed
   * stays noted until `finish`.
   */
  call(
    call: TopCall,
    environment: BlockEnvironment,
    tracer: Tracer | null,
  ): TopResult | Promise<TopResult>
  /** Removes touched empty accounts (EIP-161) and forgets what was warm. */
  finish(): void
  /** From now until `finish`: notes what is touched, for an access list. */
  reportAccess(): void
  /** What has been noted, sorted. */
  accessed(): readonly AccessListEntry[]
}

/** Goes on with a value that may be a promise: at once if it is none, so that nexus never waits. */
export function andThen<T, U>(value: T | Promise<T>, next: (value: T) => U): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
