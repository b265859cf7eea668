/**
 * Addresses 0x0800 and up are NexusCore's: each engine's precompile has its address there, and the
 * state manager will forward checkpoint, commit and revert to the arenas it touches (architecture
 * §8). No engine is registered yet, so nothing answers there: a call is a call to an empty account.
 * Ethereum's own precompiles are 0x01 to 0x11 in Prague (EIP-2537 last).
 */
export const CORE_PRECOMPILES = { first: 0x0800, last: 0x08ff } as const
