import type { Constraint } from '../../core/host/coprocessor.ts'
import { accountOf } from './accounts.ts'
import { assetRow, scaleOf, symbolOf } from './assets.ts'
import { gasPriceOf } from './fees.ts'
import { noncesOf } from './nonces.ts'
import { RULES, USDX } from './rules.ts'
import { CHAIN, type LedgerSchema, type LedgerState } from './schema.ts'

type Check = (state: LedgerState) => string | null

/** EVM + Core + in flight = issued − burned, in EVM units. O(assets). */
const conservation: Check = (state) => {
  const { core, inFlight, evm, issued, burned } = state.assets.columns
  for (let asset = 0; asset < state.assets.count(); asset++) {
    const row = assetRow(asset)
    const held = (core.get(row) + inFlight.get(row)) * scaleOf(state, asset) + evm.get(row)
    const owed = issued.get(row) - burned.get(row)
    if (held !== owed) {
      return `${symbolOf(state, asset)}: ${held} exist, ${owed} were issued and not burned`
    }
  }
  return null
}

const feesSettled: Check = (state) => {
  const held = state.chain.columns.feesHeld.get(CHAIN)
  return held === 0 ? null : `${held} USDX units of fees are still set aside`
}

const gasPrice: Check = (state) => {
  const { columns } = state.chain
  const price = columns.gasPrice.get(CHAIN)
  return price >= columns.gasFloor.get(CHAIN) && price <= columns.gasCap.get(CHAIN)
    ? null
    : `gas price ${gasPriceOf(state)} is outside its bounds`
}

/** Σ balances = the running total of each asset, and every balance is in its account's list. */
const balances: Check = (state) => {
  const { account, asset, amount, next } = state.balances.columns
  const sums = Array.from({ length: state.assets.count() }, () => 0n)
  const { feesHeld, feesCollected } = state.chain.columns
  sums[USDX] = BigInt(feesHeld.get(CHAIN)) + BigInt(feesCollected.get(CHAIN))
  let listed = 0
  for (let owner = state.accounts.next(0); owner !== 0; owner = state.accounts.next(owner)) {
    let row = state.accounts.columns.firstBalance.get(owner)
    for (; row !== 0; row = next.get(row)) {
      const of = asset.get(row)
      const sum = sums[of]
      if (sum === undefined) return `balance ${row} is of asset ${of}, which does not exist`
      if (account.get(row) !== owner) return `balance ${row} is in the list of account ${owner}`
      if (state.balanceByKey.find(owner, of) !== row) return `balance ${row} is not in the index`
      sums[of] = sum + BigInt(amount.get(row))
      listed += 1
      if (listed > state.balances.count()) return `the balances of account ${owner} go round`
    }
  }
  if (listed !== state.balances.count()) {
    return `${state.balances.count()} balances, ${listed} of them in lists`
  }
  for (const [of, sum] of sums.entries()) {
    const core = state.assets.columns.core.get(assetRow(of))
    if (sum !== core) return `${symbolOf(state, of)}: balances sum to ${sum}, recorded ${core}`
  }
  return null
}

/** Each grant has one owner, who lists it, and one agent, who points back. */
const agents: Check = (state) => {
  const { agent, owner, next } = state.grants.columns
  let listed = 0
  for (let of = state.accounts.next(0); of !== 0; of = state.accounts.next(of)) {
    let count = 0
    for (let row = state.accounts.columns.firstGrant.get(of); row !== 0; row = next.get(row)) {
      count += 1
      if (count > RULES.agents) return `account ${of} has more than ${RULES.agents} agents`
      if (owner.get(row) !== of) return `grant ${row} is in the list of account ${of}`
      if (state.agents.columns.grant.get(agent.get(row)) !== row) return `grant ${row} has no agent`
    }
    const counted = state.accounts.columns.grants.get(of)
    if (count !== counted) return `account ${of} lists ${count} agents, counted ${counted}`
    listed += count
  }
  return listed === state.grants.count()
    ? null
    : `${state.grants.count()} grants, ${listed} of them in lists`
}

const nonces: Check = (state) => {
  const { count, start, newest } = state.signers.columns
  for (let row = state.signers.next(0); row !== 0; row = state.signers.next(row)) {
    if (count.get(row) > RULES.noncesKept || start.get(row) >= RULES.noncesKept) {
      return `signer ${row} has a ring out of bounds`
    }
    const kept = noncesOf(state, row)
    if (kept.at(-1) !== newest.get(row)) return `signer ${row}: the newest nonce is not the last`
    if (kept.some((nonce, i) => i > 0 && nonce <= (kept[i - 1] ?? 0))) {
      return `signer ${row} has nonces out of order`
    }
  }
  return null
}

/** Every row that has a key is found by it. */
const indexes: Check = (state) => {
  const { accounts, signers, agents: known, assets } = state
  for (let row = accounts.next(0); row !== 0; row = accounts.next(row)) {
    if (accountOf(state, accounts.columns.address.get(row)) !== row) return `account ${row} is lost`
  }
  for (let row = signers.next(0); row !== 0; row = signers.next(row)) {
    const found = state.signerByAddress.find(signers.columns.address.get(row))
    if (found !== row) return `signer ${row} is lost`
  }
  for (let row = known.next(0); row !== 0; row = known.next(row)) {
    const found = state.agentByAddress.find(known.columns.address.get(row))
    if (found !== row) return `agent ${row} is lost`
  }
  for (let row = assets.next(0); row !== 0; row = assets.next(row)) {
    const found = state.assetBySymbol.find(assets.columns.symbol.get(row))
    if (found !== row) return `asset ${row - 1} is lost`
  }
  return null
}

export const constraints: readonly Constraint<LedgerSchema>[] = [
  { name: 'conservation', when: 'block', check: conservation },
  { name: 'feesSettled', when: 'block', check: feesSettled },
  { name: 'gasPrice', when: 'block', check: gasPrice },
  { name: 'balances', when: 'full', check: balances },
  { name: 'agents', when: 'full', check: agents },
  { name: 'nonces', when: 'full', check: nonces },
  { name: 'indexes', when: 'full', check: indexes },
]
