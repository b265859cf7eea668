/** The rules a chain may choose in its genesis. */
export type Hardfork = 'prague' | 'osaka'
/** Cancun is for the published state tests only, most of which stop there. */
export type EngineHardfork = Hardfork | 'cancun'

const FORKS: readonly EngineHardfork[] = ['cancun', 'prague', 'osaka']

export const isAtLeast = (fork: EngineHardfork, since: EngineHardfork): boolean =>
  FORKS.indexOf(fork) >= FORKS.indexOf(since)

/** EIP-7825: no transaction may ask for more gas. What Core queues is not a transaction of its kind. */
export const transactionGasCap = (fork: EngineHardfork): number =>
  isAtLeast(fork, 'osaka') ? 2 ** 24 : Number.MAX_SAFE_INTEGER
