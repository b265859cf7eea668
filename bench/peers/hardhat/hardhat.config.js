import { defineConfig } from 'hardhat/config'

export default defineConfig({
  networks: {
    node: {
      type: 'edr-simulated',
      chainType: 'l1',
      chainId: Number(process.env.BENCH_CHAIN_ID),
      // Limits that this load does not reach.
      blockGasLimit: 10_000_000_000n,
      transactionGasCap: 10_000_000_000n,
      allowBlocksWithSameTimestamp: true,
      mining: JSON.parse(process.env.BENCH_MINING),
    },
  },
})
