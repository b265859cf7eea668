import { HDKey } from '@scure/bip32'
import { mnemonicToSeedSync, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { assert } from '../../core/primitives/assert.ts'
import { ok, type Result, reject } from '../../core/primitives/result.ts'
import { addressOfPrivateKey } from '../../core/primitives/signature.ts'

/** Known to everybody and used by Hardhat, anvil and Foundry: an account of it is nobody's. */
export const TEST_MNEMONIC = 'test test test test test test test test test test test junk'

export type MnemonicAccount = { readonly address: Uint8Array; readonly privateKey: Uint8Array }

/** Accounts m/44'/60'/0'/0/i from `first` on (BIP-32, 39 and 44), as wallets derive them. */
export function accountsOf(
  mnemonic: string,
  count: number,
  first = 0,
): Result<readonly MnemonicAccount[], 'BAD_MNEMONIC'> {
  const words = mnemonic.trim().split(/\s+/).join(' ')
  if (!validateMnemonic(words, wordlist)) return reject('BAD_MNEMONIC')
  const parent = HDKey.fromMasterSeed(mnemonicToSeedSync(words)).derive("m/44'/60'/0'/0")
  return ok(
    Array.from({ length: count }, (_, i) => {
      const { privateKey } = parent.deriveChild(first + i)
      assert(privateKey !== null, 'a derived key has its private part')
      return { address: addressOfPrivateKey(privateKey), privateKey }
    }),
  )
}
