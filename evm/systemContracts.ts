import { SYSTEM_ADDRESS } from '../core/host/precompile.ts'
import { assert } from '../core/primitives/assert.ts'
import { equalBytes, fromHex } from '../core/primitives/bytes.ts'
import type { BlockEnvironment } from './blockEnvironment.ts'
import type { Engine } from './engine.ts'
import { andThen } from './executive.ts'
import type { GenesisAlloc } from './genesis.ts'
import { finishMessage, runMessage } from './message.ts'

/** The block before, as the contracts keep it. 32 bytes each. */
export type Ancestry = {
  readonly parentHash: Uint8Array
  readonly parentBeaconBlockRoot: Uint8Array
}

const contract = (address: string, code: string): GenesisAlloc => ({
  address: fromHex(address),
  balance: 0n,
  nonce: 1,
  code: fromHex(code),
  storage: [],
})

/** EIP-4788: of the last 8,191 times of blocks, the root that a block of that time named. */
const beaconRoots = contract(
  '000f3df6d732807ef1319fb7b8bb8522d0beac02',
  '3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff810690815414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500',
)
/** EIP-2935: the hashes of the last 8,191 blocks. */
const historyStorage = contract(
  '0000f90827f1c53a10cb7a02335b175320002935',
  '3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500',
)

/** Of every chain's genesis. */
export const systemContracts: readonly GenesisAlloc[] = [beaconRoots, historyStorage]

export const isSystemContract = (address: Uint8Array): boolean =>
  systemContracts.some((known) => equalBytes(known.address, address))

/**
 * What a block does before its transactions: tells both contracts of the block before, by calls of the
 * system address with 30,000,000 gas that nobody counts or pays for (`process_system_transaction` of
 * execution-specs). One that is not there, as in a state that no genesis made, is passed over. No promise with nexus.
 */
export function callSystemContracts(
  engine: Engine,
  environment: BlockEnvironment,
  ancestry: Ancestry | undefined,
): void | Promise<void> {
  if (ancestry === undefined) return
  const { parentHash, parentBeaconBlockRoot } = ancestry
  const first = callOne(engine, environment, beaconRoots, parentBeaconBlockRoot)
  const second = (): void | Promise<void> =>
    callOne(engine, environment, historyStorage, parentHash)
  return first instanceof Promise ? first.then(second) : second()
}

const SYSTEM_GAS = 30_000_000

function callOne(
  engine: Engine,
  environment: BlockEnvironment,
  { address, code }: GenesisAlloc,
  data: Uint8Array,
): void | Promise<void> {
  const { flat } = engine
  const account = flat.account(address)
  if (account === null || !equalBytes(flat.code(account), code)) return
  flat.startTransaction()
  const ran = runMessage(engine, environment, {
    sender: SYSTEM_ADDRESS,
    to: address,
    value: 0n,
    data,
    gasLimit: SYSTEM_GAS,
    gasPrice: 0n,
    intrinsicGas: 0,
    floorGas: 0,
    accessList: [],
    authorizations: [],
  })
  return andThen(ran, (outcome) => {
    assert(outcome.error === null, 'a system contract does what its block asks')
    finishMessage(engine, outcome)
  })
}
