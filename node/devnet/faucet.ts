import { assert } from '../../core/primitives/assert.ts'
import { equalBytes } from '../../core/primitives/bytes.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { type Genesis, WEI_PER_COIN } from '../../genesis/index.ts'
import { accountsOf, type MnemonicAccount, TEST_MNEMONIC } from '../keys/mnemonic.ts'
import { MAX_ACCOUNTS } from './options.ts'

/** In the test mnemonic, beyond every test account. */
const FAUCET_INDEX = 1_000_000

/** A billion coins, in wei: `*_setBalance` pays from here, in ordinary transactions. */
export const FAUCET_BALANCE = 1_000_000_000n * WEI_PER_COIN

export const faucetAccount = (): MnemonicAccount => keysFrom(1, FAUCET_INDEX)[0] as MnemonicAccount

/** Whether `nexus devnet` made this chain: its genesis says so. */
export const isDevnetGenesis = (genesis: Genesis): boolean =>
  equalBytes(genesis.evm.faucet, faucetAccount().address)

/** The test accounts that this chain funds, in the mnemonic's order. */
export function unlockedAccounts(genesis: Genesis): readonly MnemonicAccount[] {
  const accounts = keysFrom(Math.min(MAX_ACCOUNTS, genesis.accounts.length), 0)
  const end = accounts.findIndex(({ address }) => !isFunded(genesis, address))
  return end < 0 ? accounts : accounts.slice(0, end)
}

/** DEVNET_METHODS_REFUSED: a chain that others rely on is nothing to travel in time with. */
export function assertDevnetAllowed(isAsked: boolean, genesis: Genesis): void {
  if (!isAsked || isDevnetGenesis(genesis)) return
  throw new NexusError(
    { code: 'DEVNET_METHODS_REFUSED', chainId: genesis.chainId },
    {
      message: `devnet.methods is on, but chain ${genesis.chainId} was not made by "nexus devnet"`,
    },
  )
}

const isFunded = ({ accounts }: Genesis, address: Uint8Array): boolean =>
  accounts.some((account) => account.balance > 0n && equalBytes(account.address, address))

function keysFrom(count: number, first: number): readonly MnemonicAccount[] {
  const accounts = accountsOf(TEST_MNEMONIC, count, first)
  assert(accounts.ok, 'the test mnemonic is a mnemonic')
  return accounts.value
}
