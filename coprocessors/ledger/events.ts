import { account, address, int, text, u16 } from '../../core/host/fields.ts'
import { RULES } from './rules.ts'

/** Amounts are Core units of the asset. Fees are in the receipts. */
export const events = {
  Transferred: { from: account, to: account, asset: u16, amount: int },
  Deposited: { account, engine: u16, asset: u16, amount: int },
  /** The engine would not take the deposit. */
  DepositReturned: { account, engine: u16, asset: u16, amount: int },
  Withdrawn: { account, engine: u16, asset: u16, amount: int },
  Issued: { to: account, asset: u16, amount: int },
  Burned: { account, asset: u16, amount: int },
  CrossedToEvm: { account, to: address, asset: u16, amount: int },
  /** The EVM's half of a crossing failed; the account has the amount back. */
  CrossingReturned: { account, asset: u16, amount: int },
  CrossedFromEvm: { account, asset: u16, amount: int },
  AgentApproved: { owner: account, agent: address, name: text(RULES.agentNameLength), expiry: int },
  AgentRevoked: { owner: account, agent: address },
  AssetRegistered: { asset: u16, symbol: text(RULES.symbolLength), issuer: account },
} as const
