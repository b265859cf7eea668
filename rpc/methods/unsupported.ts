const STATE = 'blocks alone change state here, and every validator must come to the same'
const OVERRIDES = 'eth_call and eth_estimateGas take state overrides'
const IMPERSONATION =
  'a block holds signed transactions only; eth_call and eth_estimateGas take any from, and fund an account of your own with anvil_setBalance'
const STATE_EDIT = `${STATE}; ${OVERRIDES}, or put it into the genesis (nexus init)`
const MINING =
  'a transaction starts a block at once and an idle chain makes one each --block-time; make more with evm_mine'
const FEES = 'the base fee is what EIP-1559 says; send a transaction with the fees you want'
const SNAPSHOT =
  'blocks are final: use a fresh devnet for each run (nexus devnet --reset), or stop it and go back with nexus rollback'
const RESET = 'stop the devnet and start it with --reset'
const POOL = 'replace it: the same sender and nonce, fees 10 % higher'
const FORK = 'a devnet is a chain of its own and copies none'
const LOGGING = 'the log level is nexus devnet --log-level'
const INTERVAL = 'use evm_increaseTime or evm_setNextBlockTimestamp before each block'
const COINBASE = 'the fee recipient is the validator that proposes'
const RANDAO = 'prevRandao is a function of the chain; eth_call takes it as a block override'
const TRACE = 'use debug_traceTransaction'

/** What development networks have and a chain under consensus cannot: what to do instead. */
export const UNSUPPORTED_HERE: Readonly<Record<string, string>> = {
  ...named(['impersonateAccount', 'stopImpersonatingAccount'], IMPERSONATION),
  anvil_autoImpersonateAccount: IMPERSONATION,
  anvil_impersonateSignature: IMPERSONATION,
  ...named(['setCode', 'setStorageAt', 'setNonce'], STATE_EDIT),
  evm_setAccountNonce: STATE_EDIT,
  evm_addAccount: 'the accounts are those of nexus devnet --accounts',
  evm_removeAccount: 'the accounts are those of nexus devnet --accounts',
  anvil_addBalance: 'use anvil_setBalance',
  tenderly_addBalance: 'use anvil_setBalance',
  anvil_dealERC20: STATE_EDIT,
  anvil_dealErc20: STATE_EDIT,
  anvil_setERC20Allowance: STATE_EDIT,
  evm_snapshot: SNAPSHOT,
  evm_revert: SNAPSHOT,
  anvil_snapshot: SNAPSHOT,
  anvil_revert: SNAPSHOT,
  anvil_rollback: SNAPSHOT,
  anvil_reorg: SNAPSHOT,
  ...named(['reset'], RESET),
  ...named(['dumpState', 'loadState'], 'use nexus snapshot'),
  evm_setAutomine: MINING,
  evm_setIntervalMining: MINING,
  evm_setBlockGasLimit: 'the gas limit is in the genesis',
  anvil_setAutomine: MINING,
  anvil_setIntervalMining: MINING,
  anvil_getIntervalMining: MINING,
  anvil_setBlockGasLimit: 'the gas limit is in the genesis',
  anvil_mine_detailed: 'use evm_mine, then eth_getBlockByNumber',
  evm_mine_detailed: 'use evm_mine, then eth_getBlockByNumber',
  anvil_setBlockTimestampInterval: INTERVAL,
  anvil_removeBlockTimestampInterval: INTERVAL,
  ...named(['setMinGasPrice', 'setNextBlockBaseFeePerGas'], FEES),
  ...named(['setCoinbase'], COINBASE),
  ...named(['setPrevRandao'], RANDAO),
  ...named(['dropTransaction'], POOL),
  anvil_dropAllTransactions: POOL,
  anvil_removePoolTransactions: POOL,
  ...named(['setLoggingEnabled'], LOGGING),
  anvil_setRpcUrl: FORK,
  anvil_setChainId: 'the chain id is nexus devnet --chain-id',
  anvil_enableTraces: TRACE,
  hardhat_addCompilationResult: TRACE,
  hardhat_intervalMine: MINING,
  hardhat_getStackTraceFailuresCount: TRACE,
}

/** The same under anvil's and Hardhat's prefix. */
function named(names: readonly string[], instead: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => [
      [`anvil_${name}`, instead],
      [`hardhat_${name}`, instead],
    ]),
  )
}
