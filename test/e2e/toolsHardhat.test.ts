// Hardhat 3 with its ethers and viem plugins: compiles with the npm compiler, signs with the devnet's own accounts.
// It is none of this project's packages: the first run installs it (test/support/tools/install.ts).
import { decodeErrorResult, type Hex, parseAbi } from 'viem'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { installTools, NoTools } from '../support/tools/install.ts'
import { hardhatProgram, output, projectFrom } from '../support/tools/tools.ts'

let devnet: Devnet
let tools = ''
let missing = ''
beforeAll(async () => {
  try {
    tools = await installTools()
  } catch (error) {
    if (!(error instanceof NoTools)) throw error
    missing = error.message
    console.error(missing)
    return
  }
  devnet = await Devnet.start({ validators: 1, args: ['--block-time', '500ms'] })
}, 400_000)
afterAll(disposeAll)

const errors = parseAbi([
  'error OwnableUnauthorizedAccount(address account)',
  'error InvalidInitialization()',
])

test('deploys and upgrades OpenZeppelin proxies, UUPS and transparent', async (context) => {
  if (missing !== '') context.skip(missing)
  const cwd = projectFrom('hardhat', tools)
  const said = await output({
    file: process.execPath,
    args: [hardhatProgram(tools), 'run', 'scripts/upgrade.js', '--network', 'devnet'],
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
})
