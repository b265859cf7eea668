// Hardhat 3 with its ethers and viem plugins: compiles with the npm compiler, signs with the devnet's own accounts.
// Its native part needs a system Node of 22 to be installed, which this project does not ask for: README.md says how to run this.
import { decodeErrorResult, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { hardhatProgram, isInstalled, output, projectFrom } from '../support/tools/tools.ts'

let devnet: Devnet
beforeAll(async () => {
  if (hasHardhat) devnet = await Devnet.start({ validators: 1, args: ['--block-time', '500ms'] })
})
afterAll(disposeAll)

const errors = parseAbi([
  'error OwnableUnauthorizedAccount(address account)',
  'error InvalidInitialization()',
])

const hasHardhat = isInstalled('hardhat')

test.skipIf(!hasHardhat)(
  'deploys and upgrades OpenZeppelin proxies, UUPS and transparent',
  async () => {
    const cwd = projectFrom('hardhat')
    const said = await output({
      file: process.execPath,
      args: [hardhatProgram(), 'run', 'scripts/upgrade.js', '--network', 'devnet'],
      cwd,
      env: { DEVNET_URL: devnet.validator(0).rpc, HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true' },
    })
    const line = said.split('\n').find((one) => one.startsWith('RESULT '))
    const seen = JSON.parse(line?.slice('RESULT '.length) ?? 'null') as Record<string, unknown>
    const [owner, stranger] = devnet.report.accounts.map(({ address }) => address)
    expect(seen).toMatchObject({
      owner,
      before: [1, 7],
      uups: [2, 8],
      events: ['Stored'],
      transparent: [2, 8],
      viem: [owner?.toLowerCase(), 1, devnet.report.chainId],
    })
    expect(decodeErrorResult({ abi: errors, data: seen.stranger as Hex })).toMatchObject({
      errorName: 'OwnableUnauthorizedAccount',
      args: [stranger],
    })
    expect(decodeErrorResult({ abi: errors, data: seen.again as Hex })).toMatchObject({
      errorName: 'InvalidInitialization',
    })
  },
)
