import solc from 'solc'
import { fromHex } from '../core/primitives/bytes.ts'
import { EMPTY_ACCOUNT } from '../evm/account.ts'
import { BLOB_BASE_FEE } from '../evm/blockEnvironment.ts'
import { createEngine, type Engine, enter } from '../evm/engine.ts'
import { EngineGate } from '../evm/engineGate.ts'
import { createCommon } from '../evm/interpreter/common.ts'
import { NexusEvm } from '../evm/interpreter/nexusEvm.ts'
import { executiveOf } from '../evm/interpreter/referenceExecutive.ts'
import { finishMessage, runMessage } from '../evm/message.ts'
import { CommittedState } from '../evm/state/committedState.ts'
import { FlatState } from '../evm/state/flatState.ts'
import { NexusStateManager } from '../evm/state/stateManager.ts'
import { createMemoryStore } from '../evm/store.ts'
import { CHAIN_ID, word } from '../test/support/evmWorld.ts'

/** Loops that only compute, as the Solidity compiler writes them. */
const SOURCE = `
pragma solidity ^0.8.0;
contract Compute {
  fallback(bytes calldata data) external returns (bytes memory) {
    uint256 kind = uint8(data[0]);
    uint256 n = uint8(data[1]);
    if (kind == 0) return abi.encode(fibonacci(n * 1000));
    if (kind == 1) return abi.encode(sort(n * 3));
    if (kind == 2) return abi.encode(hash(n * 300));
    return abi.encode(words(n * 600));
  }
  function fibonacci(uint256 n) internal pure returns (uint256 a) {
    uint256 b = 1;
    for (uint256 i = 0; i < n; i++) { uint256 c = (a + b) % 1000000007; a = b; b = c; }
  }
  function sort(uint256 n) internal pure returns (uint256) {
    uint256[] memory list = new uint256[](n);
    for (uint256 i = 0; i < n; i++) list[i] = (i * 7919) % 1009;
    for (uint256 i = 0; i < n; i++)
      for (uint256 j = 0; j + 1 < n - i; j++)
        if (list[j] > list[j + 1]) (list[j], list[j + 1]) = (list[j + 1], list[j]);
    return list[n / 2];
  }
  function hash(uint256 n) internal pure returns (bytes32 h) {
    for (uint256 i = 0; i < n; i++) h = keccak256(abi.encode(h, i));
  }
  function words(uint256 n) internal pure returns (uint256 a) {
    a = uint256(keccak256("nexus"));
    unchecked {
      for (uint256 i = 0; i < n; i++) {
        a ^= a << 13; a ^= a >> 7; a *= 0x9e3779b97f4a7c15f39cc0605cedc835;
      }
    }
  }
}`
const LOOPS = ['fibonacci', 'sort', 'keccak', '256-bit'] as const

function compile(): Uint8Array {
  const settings = {
    optimizer: { enabled: true, runs: 1_000_000 },
    evmVersion: 'cancun',
    outputSelection: { '*': { '*': ['evm.deployedBytecode.object'] } },
  }
  const sources = { 'Compute.sol': { content: SOURCE } }
  const output = JSON.parse(
    solc.compile(JSON.stringify({ language: 'Solidity', sources, settings })),
  )
  return fromHex(output.contracts['Compute.sol'].Compute.evm.deployedBytecode.object)
}

const CACHES = { accountBytes: 0, slotBytes: 0, cachedCodes: 100 }
const SENDER = word(0x5e4de6).slice(12)
const CONTRACT = word(0xc0de).slice(12)
const ENVIRONMENT = {
  number: 1,
  timestamp: 1_700_000_000,
  coinbase: word(3).slice(12),
  prevRandao: word(4),
  gasLimit: 2 ** 32,
  baseFeePerGas: 1n,
  blobBaseFee: BLOB_BASE_FEE,
}

/** Gas a second of processor time, in millions. */
async function speedOf(engine: Engine, code: Uint8Array, kind: number): Promise<number> {
  const once = async (): Promise<number> => {
    const flat = new FlatState(new CommittedState(createMemoryStore(), CACHES))
    enter(engine, flat)
    flat.setAccount(SENDER, { ...EMPTY_ACCOUNT, nonce: 1, balance: 1n })
    flat.setCode(CONTRACT, code)
    flat.startTransaction()
    const outcome = await runMessage(engine, ENVIRONMENT, {
      ...{ sender: SENDER, to: CONTRACT, value: 0n, data: Uint8Array.of(kind, 60) },
      ...{ gasLimit: 2 ** 32, gasPrice: 0n, intrinsicGas: 0, floorGas: 0 },
      ...{ accessList: [], authorizations: [] },
    })
    finishMessage(engine, outcome)
    if (outcome.error !== null) throw new Error(outcome.error)
    return outcome.gasUsed
  }
  // The compiler goes on improving the loop while it runs.
  for (const started = now(); now() - started < SECONDS; ) await once()
  const started = now()
  let gas = 0
  while (now() - started < SECONDS) gas += await once()
  return Math.round(gas / (now() - started) / 1e5) / 10
}

const SECONDS = 1.5
/** Of processor time. */
function now(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** `@ethereumjs/evm` with its own interpreter, over our state. */
async function library(): Promise<Engine> {
  const committed = new CommittedState(createMemoryStore(), CACHES)
  const engine = await createEngine({
    ...{ chainId: CHAIN_ID, hardfork: 'prague', committed, executive: 'reference' },
  })
  const gate = new EngineGate()
  const manager = new NexusStateManager(engine.flat)
  const evm = new NexusEvm({
    common: createCommon(CHAIN_ID, 'prague'),
    stateManager: manager,
    guard: { shouldStop: null },
    gate,
    ancestorHash: () => null,
  })
  return { ...engine, executive: executiveOf(evm, manager, gate) }
}

/** Million gas a second by loop and executive, one core. */
export async function benchCompute(): Promise<Record<string, Record<string, number>>> {
  const code = compile()
  const committed = new CommittedState(createMemoryStore(), CACHES)
  const parts = { chainId: CHAIN_ID, hardfork: 'prague', committed } as const
  const engines: Readonly<Record<string, Engine>> = {
    nexus: await createEngine({ ...parts, executive: 'nexus' }),
    reference: await createEngine({ ...parts, executive: 'reference' }),
    ethereumjs: await library(),
  }
  const table: Record<string, Record<string, number>> = {}
  for (const [kind, loop] of LOOPS.entries()) {
    const row: Record<string, number> = {}
    for (const [name, engine] of Object.entries(engines)) {
      row[name] = await speedOf(engine, code, kind)
    }
    table[loop] = row
  }
  return table
}

if (import.meta.main) {
  console.log(JSON.stringify(await benchCompute(), null, 2))
}
