// A contract to look into, and who deploys it.
import { fromHex, toHex } from '../../core/primitives/bytes.ts'
import { contractAddress } from '../../evm/index.ts'
import { keyNumber } from './evmWorld.ts'

export const user = keyNumber(0)
export const other = keyNumber(1)
export const word = (value: number | bigint): string => `0x${value.toString(16).padStart(64, '0')}`
export const initcodeOf = (code: Uint8Array): Uint8Array =>
  fromHex(`61${code.length.toString(16).padStart(4, '0')}80600a5f395ff3${toHex(code)}`)

/** Stores the calldata's first word at slot 0, logs topic 1, and reverts with Error("no") if the word is 7. */
export const STORE = fromHex(
  [
    '5f35805f55', // slot 0 = word, word on the stack
    '60015f5fa1', // log1(0, 0, topic 1)
    '60071460175700', // if word == 7 jump 0x17; stop
    '000000000000',
    '5b6308c379a05f52602060205260026040527f6e6f0000000000000000000000000000000000000000000000000000000000006060526064601cfd',
  ].join(''),
)
/** Where it is when it is the user's first contract. */
export const store = contractAddress(user.address, 0)
