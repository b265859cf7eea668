/**
 * One description of a value from which its canonical bytes, Solidity ABI, EIP-712 type and JSON form are derived.
 *
 * | kind      | engine sees     | Solidity  | JSON                    |
 * |-----------|-----------------|-----------|-------------------------|
 * | bool      | boolean         | bool      | boolean                 |
 * | u8 u16 u32| number          | uint8 …   | number                  |
 * | int       | number ≤ 2^53−1 | uint64    | decimal string or number|
 * | signed    | number          | int64     | decimal string or number|
 * | u128 u256 | bigint          | uint128 … | decimal string          |
 * | address   | Uint8Array(20)  | address   | 0x hex                  |
 * | account   | u32 ledger id   | address   | 0x hex                  |
 * | bytes32   | Uint8Array(32)  | bytes32   | 0x hex                  |
 * | bytes     | Uint8Array      | bytes     | 0x hex                  |
 * | text      | string (ASCII)  | string    | string                  |
 * | choice    | one of `of`     | uint8     | string                  |
 * | list      | array           | tuple[]   | array                   |
 */
export type Field =
  | { readonly kind: 'bool' }
  | { readonly kind: 'u8' | 'u16' | 'u32' | 'int' | 'signed' }
  | { readonly kind: 'u128' | 'u256' }
  | { readonly kind: 'address' | 'bytes32' }
  | { readonly kind: 'account' }
  | { readonly kind: 'bytes'; readonly max: number }
  | { readonly kind: 'text'; readonly max: number }
  | { readonly kind: 'choice'; readonly of: readonly string[] }
  | { readonly kind: 'list'; readonly of: Fields; readonly max: number }

export type Fields = { readonly [name: string]: Field }

export type FieldValue<F> = F extends { readonly kind: 'bool' }
  ? boolean
  : F extends { readonly kind: 'u8' | 'u16' | 'u32' | 'int' | 'signed' | 'account' }
    ? number
    : F extends { readonly kind: 'u128' | 'u256' }
      ? bigint
      : F extends { readonly kind: 'address' | 'bytes32' | 'bytes' }
        ? Uint8Array
        : F extends { readonly kind: 'text' }
          ? string
          : F extends { readonly kind: 'choice'; readonly of: readonly (infer C)[] }
            ? C
            : F extends { readonly kind: 'list'; readonly of: infer E }
              ? E extends Fields
                ? readonly Values<E>[]
                : never
              : never

export type Values<F extends Fields> = { readonly [K in keyof F]: FieldValue<F[K]> }

export const bool = { kind: 'bool' } as const
export const u8 = { kind: 'u8' } as const
export const u16 = { kind: 'u16' } as const
export const u32 = { kind: 'u32' } as const
export const int = { kind: 'int' } as const
export const signed = { kind: 'signed' } as const
export const u128 = { kind: 'u128' } as const
export const u256 = { kind: 'u256' } as const
export const address = { kind: 'address' } as const
export const account = { kind: 'account' } as const
export const bytes32 = { kind: 'bytes32' } as const
export const bytes = <const M extends number>(max: M) => ({ kind: 'bytes', max }) as const
export const text = <const M extends number>(max: M) => ({ kind: 'text', max }) as const
export const choice = <const C extends readonly string[]>(...of: C) =>
  ({ kind: 'choice', of }) as const
export const list = <const F extends Fields>(of: F, max: number) =>
  ({ kind: 'list', of, max }) as const
