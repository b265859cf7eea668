import { toHex } from '../../core/primitives/bytes.ts'

const MAX = Number.MAX_SAFE_INTEGER
const DAY = 86_400_000

type Totals = { core: bigint; inFlight: bigint; evm: bigint; issued: bigint; burned: bigint }
type Agent = { owner: string | null; expiry: number; limit: number; spent: number }

/**
 * The ledger as maps and lists, for a test that asks it the same as the real one. Two assets: USDX, and
 * one that `issuer` may issue and holders may burn. `maxFee` is always what is paid.
 */
export function createNaiveLedger(issuer: Uint8Array) {
  const balances = new Map<string, number>()
  const totals: Totals[] = [0, 1].map(() => ({
    core: 0n,
    inFlight: 0n,
    evm: 0n,
    issued: 0n,
    burned: 0n,
  }))
  const nonces = new Map<string, number[]>()
  const agents = new Map<string, Agent>()
  const accounts = new Set<string>()
  let collected = 0

  const key = (of: Uint8Array, asset: number): string => `${toHex(of)}/${asset}`
  const balance = (of: Uint8Array, asset: number): number => balances.get(key(of, asset)) ?? 0
  const change = (of: Uint8Array, asset: number, by: number): void => {
    balances.set(key(of, asset), balance(of, asset) + by)
    accounts.add(toHex(of))
  }
  const total = (asset: number): Totals => totals[asset] as Totals
  const units = (amount: number): bigint => BigInt(amount) * 10n ** 12n
  const takeable = (from: Uint8Array, asset: number, amount: number): string | null => {
    if (amount === 0) return 'ZERO_AMOUNT'
    return balance(from, asset) < amount ? 'INSUFFICIENT_BALANCE' : null
  }
  const isFull = (of: Uint8Array, asset: number, amount: number): boolean =>
    balance(of, asset) + amount > MAX

  return {
    balance,
    totals,
    accounts,
    endow(of: Uint8Array, asset: number, amount: number) {
      change(of, asset, amount)
      total(asset).core += BigInt(amount)
      total(asset).issued += units(amount)
    },
    transfer(from: Uint8Array, to: Uint8Array, asset: number, amount: number): string {
      const objection = takeable(from, asset, amount)
      if (objection !== null) return objection
      if (toHex(from) !== toHex(to) && isFull(to, asset, amount)) return 'BALANCE_LIMIT'
      change(from, asset, -amount)
      change(to, asset, amount)
      return 'ok'
    },
    issue(from: Uint8Array, to: Uint8Array, asset: number, amount: number): string {
      if (amount === 0) return 'ZERO_AMOUNT'
      if (asset !== 1 || toHex(from) !== toHex(issuer)) return 'NOT_ISSUER'
      if (isFull(to, asset, amount)) return 'BALANCE_LIMIT'
      this.endow(to, asset, amount)
      return 'ok'
    },
    burn(from: Uint8Array, asset: number, amount: number): string {
      if (asset !== 1) return 'BURNING_NOT_ALLOWED'
      const objection = takeable(from, asset, amount)
      if (objection !== null) return objection
      change(from, asset, -amount)
      total(asset).core -= BigInt(amount)
      total(asset).burned += units(amount)
      return 'ok'
    },
    toEvm(from: Uint8Array, asset: number, amount: number): string {
      const objection = takeable(from, asset, amount)
      if (objection !== null) return objection
      change(from, asset, -amount)
      total(asset).core -= BigInt(amount)
      total(asset).inFlight += BigInt(amount)
      return 'ok'
    },
    arrive(asset: number, amount: number) {
      total(asset).inFlight -= BigInt(amount)
      total(asset).evm += units(amount)
    },
    comeBack(of: Uint8Array, asset: number, amount: number) {
      total(asset).inFlight -= BigInt(amount)
      total(asset).core += BigInt(amount)
      change(of, asset, amount)
    },
    deposit(from: Uint8Array, module: Uint8Array, asset: number, amount: number): string {
      const objection = takeable(from, asset, amount)
      if (objection !== null) return objection
      if (isFull(module, asset, amount)) return 'BALANCE_LIMIT'
      change(from, asset, -amount)
      change(module, asset, amount)
      return 'ok'
    },
    approve(
      owner: Uint8Array,
      agent: Uint8Array,
      terms: { expiry: number; limit: number },
      now: number,
    ): string {
      const { expiry, limit } = terms
      if (expiry <= now || expiry > now + 180 * DAY) return 'BAD_EXPIRY'
      const known = agents.get(toHex(agent))
      const renewed = known?.owner === toHex(owner) && known.expiry >= now
      if (known !== undefined && !renewed) return 'AGENT_KNOWN'
      if (known === undefined && accounts.has(toHex(agent))) return 'AGENT_IS_ACCOUNT'
      const held = [...agents.values()].filter(
        (other) => other.owner === toHex(owner) && other.expiry >= now,
      )
      if (!renewed && held.length >= 16) return 'TOO_MANY_AGENTS'
      agents.set(toHex(agent), { owner: toHex(owner), expiry, limit, spent: 0 })
      return 'ok'
    },
    revoke(owner: Uint8Array, agent: Uint8Array, now: number): string {
      const known = agents.get(toHex(agent))
      if (known === undefined || known.owner === null || known.expiry < now) return 'UNKNOWN_AGENT'
      if (known.owner !== toHex(owner)) return 'NOT_OWNER'
      known.owner = null
      return 'ok'
    },
    admit(signer: Uint8Array, nonce: number, spend: number, fee: number, now: number): string {
      if (nonce <= now - 2 * DAY || nonce >= now + DAY) return 'NONCE_OUT_OF_WINDOW'
      const kept = nonces.get(toHex(signer)) ?? []
      if (kept.includes(nonce)) return 'NONCE_USED'
      if (kept.length === 100 && nonce < Math.min(...kept)) return 'NONCE_TOO_OLD'
      const agent = agents.get(toHex(signer))
      const signs = agent !== undefined && agent.owner !== null && agent.expiry >= now
      const owner = signs ? (agent.owner as string) : toHex(signer)
      if (!accounts.has(owner)) return agent === undefined ? 'UNKNOWN_SIGNER' : 'AGENT_EXPIRED'
      if (signs && agent.spent + spend > agent.limit) return 'SPEND_LIMIT'
      if ((balances.get(`${owner}/0`) ?? 0) < fee) return 'INSUFFICIENT_FEE'
      if (signs) agent.spent += spend
      nonces.set(toHex(signer), [...kept, nonce].sort((a, b) => a - b).slice(-100))
      if (fee > 0) balances.set(`${owner}/0`, (balances.get(`${owner}/0`) ?? 0) - fee)
      collected += fee
      return 'ok'
    },
    /** Half of the fees is burned, rounded down. */
    endBlock(treasury: Uint8Array) {
      const burned = Math.floor(collected / 2)
      if (collected > 0) change(treasury, 0, collected - burned)
      total(0).core -= BigInt(burned)
      total(0).burned += units(burned)
      collected = 0
    },
  }
}
