/** What must never happen, by the names of spec/consensus §2.2. */
export type Invariant =
  | 'agreement'
  | 'validity'
  | 'certificate'
  | 'validators'
  | 'double sign'
  | 'lock rule'
  | 'valid round'
  | 'monotone'
  | 'state root'
  | 'durable height'
  | 'memory'
  | 'honest peer'
  | 'node failed'
  | 'evidence'
  | 'transactions'
  | 'bounded rounds'
  | 'liveness'
  | 'convergence'

export class SimFailure extends Error {
  override readonly name = 'SimFailure'
  readonly invariant: Invariant

  constructor(invariant: Invariant, message: string, cause?: unknown) {
    super(`${invariant}: ${message}`, cause === undefined ? {} : { cause })
    this.invariant = invariant
  }
}

export function fail(invariant: Invariant, message: string, cause?: unknown): never {
  throw new SimFailure(invariant, message, cause)
}
