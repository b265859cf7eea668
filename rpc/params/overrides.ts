import type { AccountOverride, BlockOverrides, SlotOverride } from '../backend.ts'
import { address, bytes, hash, safeInteger, slot, uint256 } from './hex.ts'
import { bad, MemberReader, membersOf, type Parser } from './parameter.ts'

const MAX_ACCOUNTS = 1_000
const MAX_SLOTS = 10_000

export const NO_BLOCK_OVERRIDES: BlockOverrides = {
  number: null,
  time: null,
  gasLimit: null,
  feeRecipient: null,
  prevRandao: null,
  baseFeePerGas: null,
  blobBaseFee: null,
}

/** The third parameter of eth_call: accounts that are other than the chain says. */
export const stateOverrides: Parser<readonly AccountOverride[]> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const entries = Object.entries(members.value)
  if (entries.length > MAX_ACCOUNTS) return bad(`overrides of more than ${MAX_ACCOUNTS} accounts`)
  const overrides: AccountOverride[] = []
  for (const [key, value] of entries) {
    const target = address(key)
    if (!target.ok) return target
    const override = accountOverride(target.value, value)
    if (!override.ok) return bad(`account ${key} ${override.problem}`)
    overrides.push(override.value)
  }
  return { ok: true, value: overrides }
}

function accountOverride(target: Uint8Array, json: unknown): ReturnType<Parser<AccountOverride>> {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  const override: AccountOverride = {
    address: target,
    balance: reader.read('balance', uint256, null),
    nonce: reader.read('nonce', safeInteger, null),
    code: reader.read('code', bytes, null),
    state: reader.read('state', slots, null),
    stateDiff: reader.read('stateDiff', slots, []),
  }
  if (reader.has('state') && reader.has('stateDiff')) return bad("has both 'state' and 'stateDiff'")
  if (reader.has('movePrecompileToAddress'))
    return bad('has movePrecompileToAddress, which this node does not know')
  return reader.finish(override)
}

const slots: Parser<readonly SlotOverride[]> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const entries = Object.entries(members.value)
  if (entries.length > MAX_SLOTS) return bad(`more than ${MAX_SLOTS} slots`)
  const out: SlotOverride[] = []
  for (const [key, value] of entries) {
    const [position, word] = [hash(key), hash(value)]
    if (!position.ok) return position
    if (!word.ok) return word
    out.push({ slot: position.value, value: word.value })
  }
  return { ok: true, value: out }
}

/** The fourth parameter of eth_call: what the call sees of its block. */
export const blockOverrides: Parser<BlockOverrides> = (json) => {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  return reader.finish({
    number: reader.read('number', safeInteger, null),
    time: reader.read('time', safeInteger, null),
    gasLimit: reader.read('gasLimit', safeInteger, null),
    // geth's older names stand beside those of the specification.
    feeRecipient: reader.read('feeRecipient', address, reader.read('coinbase', address, null)),
    prevRandao: reader.read('prevRandao', slot, reader.read('random', slot, null)),
    baseFeePerGas: reader.read('baseFeePerGas', uint256, reader.read('baseFee', uint256, null)),
    blobBaseFee: reader.read('blobBaseFee', uint256, null),
  })
}
