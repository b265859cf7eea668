import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fromHex } from '../../../core/primitives/bytes.ts'

/** Deployed code as its authors published it on npm, and the selectors that it compares calldata with. */
export type PublishedCode = { readonly code: Uint8Array; readonly selectors: readonly Uint8Array[] }

const require = createRequire(import.meta.url)

const ARTIFACTS = [
  '@uniswap/v2-core/build/UniswapV2Pair.json',
  '@uniswap/v2-core/build/UniswapV2ERC20.json',
  '@uniswap/v2-core/build/UniswapV2Factory.json',
  '@uniswap/v2-periphery/build/UniswapV2Router02.json',
  '@uniswap/v2-periphery/build/WETH9.json',
  '@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json',
  '@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json',
  '@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json',
  '@openzeppelin/contracts/build/contracts/ERC1967Proxy.json',
  '@openzeppelin/contracts/build/contracts/ERC2771Forwarder.json',
  '@openzeppelin/contracts/build/contracts/TimelockController.json',
  '@openzeppelin/contracts/build/contracts/VestingWallet.json',
  '@openzeppelin/contracts/build/contracts/UpgradeableBeacon.json',
  '@openzeppelin/contracts/build/contracts/AccessManager.json',
  '@safe-global/safe-contracts/build/artifacts/contracts/Safe.sol/Safe.json',
  '@safe-global/safe-contracts/build/artifacts/contracts/libraries/MultiSend.sol/MultiSend.json',
]

export const publishedCodes = (): readonly PublishedCode[] => ARTIFACTS.map(read)

function read(path: string): PublishedCode {
  const artifact = JSON.parse(readFileSync(require.resolve(path), 'utf8')) as {
    readonly deployedBytecode?: string
    readonly evm?: { readonly deployedBytecode: { readonly object: string } }
  }
  const hex = artifact.deployedBytecode ?? artifact.evm?.deployedBytecode.object
  if (hex === undefined) throw new Error(`${path} has no code`)
  const code = fromHex(hex)
  return { code, selectors: selectorsOf(code) }
}

/** What PUSH4 pushes. */
function selectorsOf(code: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < code.length; at++) {
    const opcode = code[at] as number
    if (opcode === 0x63) found.push(code.slice(at + 1, at + 5))
    if (opcode >= 0x60 && opcode <= 0x7f) at += opcode - 0x5f
  }
  return found
}
