import { isReserved } from '../core/host/precompile.ts'
import { equalBytes, toHex } from '../core/primitives/bytes.ts'
import { checksumAddress } from '../core/primitives/checksumAddress.ts'
import { LIMITS } from '../core/primitives/limits.ts'
import { isChainAddress, isReservedAddress } from '../evm/reserved.ts'
import { checkCore } from './coreConsistency.ts'
import { faucetOf, type Genesis, type GenesisAccount } from './genesis.ts'
import { GENESIS_LIMITS } from './limits.ts'
import { elementPath, memberPath, type Problem, type ProblemCode } from './problems.ts'

type Report = (path: string, code: ProblemCode, expected: string, found: string) => void

/** What single values cannot show: repeated entries, sums, and values that need each other. */
export function checkConsistency(genesis: Genesis, problems: Problem[]): void {
  const report: Report = (path, code, expected, found) =>
    problems.push({ path, code, expected, found })
  checkValidators(genesis, report)
  checkTreasury(genesis, report)
  checkFaucet(genesis, report)
  checkAccounts(genesis, report)
  checkCore(genesis.core, report)
}

function checkValidators({ validators }: Genesis, report: Report): void {
  const seen = new Map<string, string>()
  let total = 0
  for (const [index, { publicKey, power }] of validators.entries()) {
    const path = elementPath('validators', index)
    const key = toHex(publicKey)
    const earlier = seen.get(key)
    if (earlier === undefined) seen.set(key, path)
    else {
      const found = `the key of ${earlier}`
      report(memberPath(path, 'publicKey'), 'DUPLICATE_VALIDATOR', 'each key once', found)
    }
    // At most 128 powers of at most 2^46: the sum is exact.
    total += power
  }
  if (total > LIMITS.totalVotingPower)
    report(
      'validators',
      'TOTAL_POWER_TOO_LARGE',
      `a total power of at most ${LIMITS.totalVotingPower}`,
      `${total}`,
    )
}

/** The zero address stands for no treasury. */
function checkTreasury({ consensus, evm }: Genesis, report: Report): void {
  const paid = [consensus.baseFeeRecipient, consensus.tipRecipient].includes('treasury')
  const isMissing = evm.treasury.every((byte) => byte === 0)
  if (paid && isMissing)
    report(
      'evm.treasury',
      'MISSING_TREASURY',
      'an address, because fees go to the treasury',
      'the zero address',
    )
  if (!isMissing && isReservedAddress(evm.treasury))
    report('evm.treasury', 'RESERVED_ADDRESS', "somebody's address", checksumAddress(evm.treasury))
}

/** Nobody makes a chain a development network by a slip: the faucet stands in two places. */
function checkFaucet(genesis: Genesis, report: Report): void {
  const faucet = faucetOf(genesis)
  if (faucet === null) return
  const isFunded = genesis.accounts.some(
    ({ address, balance }) => balance > 0n && equalBytes(address, faucet),
  )
  if (!isFunded)
    report(
      'evm.faucet',
      'UNFUNDED_FAUCET',
      'an account with coins',
      `${checksumAddress(faucet)}, which has none`,
    )
}

function checkAccounts({ accounts }: Genesis, report: Report): void {
  const seen = new Map<string, string>()
  let supply = 0n
  for (const [index, account] of accounts.entries()) {
    const path = elementPath('accounts', index)
    const key = toHex(account.address)
    const earlier = seen.get(key)
    if (earlier === undefined) seen.set(key, path)
    else
      report(
        memberPath(path, 'address'),
        'DUPLICATE_ACCOUNT',
        'each address once',
        `the address of ${earlier}`,
      )
    supply += account.balance
    checkAccount(account, path, report)
  }
  if (supply >= GENESIS_LIMITS.supply)
    report('accounts', 'SUPPLY_TOO_LARGE', 'balances that sum to less than 2^256 wei', `${supply}`)
}

function checkAccount(account: GenesisAccount, path: string, report: Report): void {
  const { balance, nonce, code, storage } = account
  const where = checksumAddress(account.address)
  if (balance === 0n && nonce === 0 && code.length === 0 && storage.length === 0)
    report(path, 'EMPTY_ACCOUNT', 'a balance, a nonce or code (EIP-161)', 'an empty account')
  if (storage.length > 0 && code.length === 0)
    report(
      memberPath(path, 'storage'),
      'STORAGE_WITHOUT_CODE',
      'storage only under code that can read it',
      `${storage.length} slots without code`,
    )
  if (isChainAddress(account.address))
    report(
      memberPath(path, 'address'),
      'RESERVED_ADDRESS',
      'an address other than those of engines and system tokens',
      where,
    )
  else if (code.length > 0 && isReserved(account.address))
    report(
      memberPath(path, 'address'),
      'RESERVED_ADDRESS',
      'a contract outside the addresses kept for precompiles',
      where,
    )
  checkSlots(account, path, report)
}

function checkSlots({ storage }: GenesisAccount, path: string, report: Report): void {
  const slots = new Set<string>()
  for (const { slot } of storage) {
    const key = toHex(slot)
    if (slots.has(key))
      report(memberPath(path, 'storage'), 'DUPLICATE_SLOT', 'each slot once', `slot 0x${key} again`)
    slots.add(key)
  }
}
