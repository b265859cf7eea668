import { createRequire } from 'node:module'
import hardhatEthers from '@nomicfoundation/hardhat-ethers'
import hardhatViem from '@nomicfoundation/hardhat-viem'
import { defineConfig } from 'hardhat/config'

const require = createRequire(import.meta.url)
const { version } = require('solc/package.json')
const proxies = '@openzeppelin/contracts/proxy'

export default defineConfig({
  plugins: [hardhatEthers, hardhatViem],
  solidity: {
    // From npm: nothing is downloaded.
    compilers: [{ version, path: require.resolve('solc/soljson.js'), settings: { evmVersion: 'prague' } }],
    npmFilesToBuild: [
      `${proxies}/ERC1967/ERC1967Proxy.sol`,
      `${proxies}/transparent/TransparentUpgradeableProxy.sol`,
      `${proxies}/transparent/ProxyAdmin.sol`,
    ],
  },
  networks: { devnet: { type: 'http', chainType: 'l1', url: process.env.DEVNET_URL } },
})
