declare const unit: unique symbol
/** A primitive tagged at compile time only; it is erased at run time and costs nothing. */
export type Unit<T, Name extends string> = T & { readonly [unit]: Name }

/** Block number. The first block is 1; 0 is the genesis state. */
export type Height = Unit<number, 'Height'>
/** Consensus attempt within a height, from 0. */
export type Round = Unit<number, 'Round'>
/** Milliseconds since the Unix epoch, or a span of them. */
export type Millis = Unit<number, 'Millis'>
/** The 64 lower-case hex digits of a header's hash: an id is compared and used as a map key far more often than it is encoded. */
export type BlockId = Unit<string, 'BlockId'>

export const heightOf = (value: number): Height => value as Height
export const roundOf = (value: number): Round => value as Round
export const millisOf = (value: number): Millis => value as Millis
