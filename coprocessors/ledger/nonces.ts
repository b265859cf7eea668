import { columnAt, columnRunsOf } from './columnRuns.ts'
import { RULES } from './rules.ts'
import type { LedgerState } from './schema.ts'

const KEPT = RULES.noncesKept

export type NonceCode = 'NONCE_USED' | 'NONCE_TOO_OLD' | 'NONCE_OUT_OF_WINDOW'

/** Both edges are outside: a nonce exactly two days old or one day ahead is refused. */
export const isInWindow = (nonce: number, time: number): boolean =>
  nonce > time - RULES.nonceAgeMs && nonce < time + RULES.nonceLeadMs

/**
 * Why a nonce inside the window cannot be used, or null. `signer` 0 is one without a row. While fewer
 * than 100 are kept none was ever dropped, so any that is not among them is new. O(log 100).
 */
export function nonceObjection(
  state: LedgerState,
  signer: number,
  nonce: number,
): NonceCode | null {
  if (signer === 0) return null
  const { count, newest } = state.signers.columns
  const kept = count.get(signer)
  if (kept === 0 || nonce > newest.get(signer)) return null
  const position = positionOf(state, signer, nonce)
  if (nonceAt(state, signer, position) === nonce) return 'NONCE_USED'
  return position === 0 && kept === KEPT ? 'NONCE_TOO_OLD' : null
}

/** The signer's row, made if need be; 0 when the table is full. */
export function ensureSigner(state: LedgerState, address: Uint8Array): number {
  const known = state.signerByAddress.find(address)
  if (known !== 0) return known
  const made = state.signers.allocate()
  if (made === 0) return 0
  state.signers.columns.address.set(made, address)
  state.signerByAddress.insert(made)
  return made
}

/**
 * Takes in a nonce without objection and drops the smallest of more than 100. The next nonce in order
 * writes one slot; one that comes late moves those after it or those before it, whichever are fewer.
 */
export function useNonce(state: LedgerState, signer: number, nonce: number, time: number): void {
  const { start, count, newest } = state.signers.columns
  dropStale(state, signer, time)
  let first = start.get(signer)
  let kept = count.get(signer)
  let position = kept === 0 || nonce > newest.get(signer) ? kept : positionOf(state, signer, nonce)
  if (kept === KEPT) {
    first = (first + 1) % KEPT
    kept -= 1
    position -= 1
  }
  const slots = columnRunsOf(state).nonces
  if (position < kept - position) {
    first = (first + KEPT - 1) % KEPT
    for (let i = 0; i < position; i++)
      move(slots, signer, (first + i + 1) % KEPT, (first + i) % KEPT)
  } else {
    for (let i = kept; i > position; i--) {
      move(slots, signer, (first + i - 1) % KEPT, (first + i) % KEPT)
    }
  }
  columnAt(slots, (first + position) % KEPT).set(signer, nonce % 2 ** 32)
  if (position === kept) newest.set(signer, nonce)
  start.set(signer, first)
  count.set(signer, kept + 1)
}

/** In rising order, for a view: O(100). */
export function noncesOf(state: LedgerState, signer: number): readonly number[] {
  const length = signer === 0 ? 0 : state.signers.columns.count.get(signer)
  return Array.from({ length }, (_, i) => nonceAt(state, signer, i))
}

/**
 * Frees the rows of signers whose nonces are all behind the window, `RULES.signersSwept` rows a block:
 * the window alone refuses what they used.
 */
export function sweepSigners(state: LedgerState, from: number, time: number): number {
  const { signers, signerByAddress } = state
  let row = from
  for (let i = 0; i < RULES.signersSwept; i++) {
    row = signers.next(row)
    if (row === 0) return 0
    if (signers.columns.newest.get(row) <= time - RULES.nonceAgeMs) {
      signerByAddress.remove(row)
      signers.free(row)
    }
  }
  return row
}

// Entries behind the window decide nothing any more, and the low 32 bits tell nonces apart only if
// they are less than 49 days apart.
function dropStale(state: LedgerState, signer: number, time: number): void {
  const { start, count } = state.signers.columns
  const kept = count.get(signer)
  let stale = 0
  while (stale < kept && nonceAt(state, signer, stale) <= time - RULES.nonceAgeMs) stale += 1
  if (stale === 0) return
  start.set(signer, (start.get(signer) + stale) % KEPT)
  count.set(signer, kept - stale)
}

/** How many of the kept ones are smaller; the newest must not be. */
function positionOf(state: LedgerState, signer: number, nonce: number): number {
  let low = 0
  let high = state.signers.columns.count.get(signer) - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (nonceAt(state, signer, middle) < nonce) low = middle + 1
    else high = middle
  }
  return low
}

function nonceAt(state: LedgerState, signer: number, position: number): number {
  const { start, newest } = state.signers.columns
  const slot = (start.get(signer) + position) % KEPT
  const last = newest.get(signer)
  const low = columnAt(columnRunsOf(state).nonces, slot).get(signer)
  return last - (((last % 2 ** 32) - low) >>> 0)
}

function move(
  slots: ReturnType<typeof columnRunsOf>['nonces'],
  signer: number,
  source: number,
  target: number,
): void {
  columnAt(slots, target).set(signer, columnAt(slots, source).get(signer))
}
