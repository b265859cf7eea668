/**
 * Nonces are times in milliseconds, each used once. More than one a millisecond run ahead of the
 * clock, which the ledger allows by a day. Two sources of one signer would meet: share one.
 */
export function createNonces(now: () => number = Date.now): () => number {
  let last = 0
  return () => {
    last = Math.max(last + 1, now())
    return last
  }
}
