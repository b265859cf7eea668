const IMPERSONATION = 'use anvil_impersonateAccount, then eth_sendTransaction'
const TOKEN = 'write the balance where the token keeps it, with anvil_setStorageAt'
const MINING =
  'a transaction starts a block at once and an idle chain makes one each --block-time; make more with evm_mine'
const FEES = 'the base fee is what EIP-1559 says; send a transaction with the fees you want'
const SNAPSHOT = 'take evm_snapshot before, and go back to it with evm_revert'
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
  anvil_impersonateSignature: IMPERSONATION,
  evm_addAccount: 'the accounts are those of nexus devnet --accounts',
  evm_removeAccount: 'the accounts are those of nexus devnet --accounts',
  anvil_addBalance: 'use anvil_setBalance',
  tenderly_addBalance: 'use anvil_setBalance',
  anvil_dealERC20: TOKEN,
  anvil_dealErc20: TOKEN,
  anvil_setERC20Allowance: TOKEN,
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
