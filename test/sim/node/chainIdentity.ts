export const CHAIN_ID = 3940
/** The wall clock at virtual time 0. */
export const START_MS = 1_800_000_000_000
