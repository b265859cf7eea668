// A user's script: deploys both kinds of OpenZeppelin proxies, upgrades them, and says what it saw as one line of JSON.
import { network } from 'hardhat'

const { ethers, viem } = await network.create('devnet')
const [owner, stranger] = await ethers.getSigners()
const seen = { owner: owner.address }

const box = await ethers.deployContract('Box')
const second = await ethers.deployContract('BoxV2')
await second.waitForDeployment()
const initialize = box.interface.encodeFunctionData('initialize', [owner.address, 7])
const at = async (name, contract, signer = owner) =>
  ethers.getContractAt(name, await contract.getAddress(), signer)
const codeOf = (error) => error?.data ?? error?.error?.data ?? error?.info?.error?.data ?? String(error)

const uups = await ethers.deployContract('ERC1967Proxy', [await box.getAddress(), initialize])
await uups.waitForDeployment()
const first = await at('Box', uups)
seen.before = [await first.version(), await first.value()]
const forbidden = await at('Box', uups, stranger)
seen.stranger = await forbidden
  .upgradeToAndCall(await second.getAddress(), '0x')
  .then(() => 'allowed', codeOf)
await (await first.upgradeToAndCall(await second.getAddress(), '0x')).wait()
const upgraded = await at('BoxV2', uups)
const receipt = await (await upgraded.increment()).wait()
seen.uups = [await upgraded.version(), await upgraded.value()]
seen.events = receipt.logs.map((log) => upgraded.interface.parseLog(log)?.name)
seen.again = await upgraded.initialize(owner.address, 1).then(() => 'allowed', codeOf)

const transparent = await ethers.deployContract('TransparentUpgradeableProxy', [
  await box.getAddress(),
  owner.address,
  initialize,
])
await transparent.waitForDeployment()
// EIP-1967: where the proxy keeps the address of its admin.
const ADMIN_SLOT = '0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103'
const slot = await ethers.provider.getStorage(await transparent.getAddress(), ADMIN_SLOT)
const admin = await ethers.getContractAt('ProxyAdmin', ethers.dataSlice(slot, 12), owner)
await (
  await admin.upgradeAndCall(
    await transparent.getAddress(),
    await second.getAddress(),
    second.interface.encodeFunctionData('increment'),
  )
).wait()
const through = await at('BoxV2', transparent)
seen.transparent = [await through.version(), await through.value()]

const viaViem = await viem.deployContract('Box')
const [wallet] = await viem.getWalletClients()
const client = await viem.getPublicClient()
seen.viem = [wallet.account.address, await viaViem.read.version(), await client.getChainId()]

process.stdout.write(
  `RESULT ${JSON.stringify(seen, (_, value) => (typeof value === 'bigint' ? Number(value) : value))}\n`,
)
