import { view } from '../../core/host/coprocessor.ts'
import { account, address, bool, int, list, text, u16, u32, u128 } from '../../core/host/fields.ts'
import { ok, reject } from '../../core/primitives/result.ts'
import { accountOf } from './accounts.ts'
import { grantOf } from './agents.ts'
import { assetBySymbol, isAsset } from './assets.ts'
import { balanceOf } from './balances.ts'
import { gasPriceOf } from './fees.ts'
import { noncesOf } from './nonces.ts'
import { GAS, RULES, USDX } from './rules.ts'
import { CHAIN, type LedgerSchema, ledgerCapacities } from './schema.ts'
import {
  agentFields,
  agentOf,
  agentsOf,
  assetFields,
  assetOf,
  balanceFields,
  balancesOf,
  supplyFields,
  supplyOf,
} from './viewFields.ts'

const define = view<LedgerSchema>()
const balanceList = list(balanceFields, ledgerCapacities.assets)
const agentList = list(agentFields, RULES.agents)

export const views = {
  asset: define({
    id: 0,
    args: { asset: u16 },
    result: assetFields,
    gas: GAS.view,
    read: (state, { asset }) =>
      isAsset(state, asset) ? ok(assetOf(state, asset)) : reject('UNKNOWN_ASSET'),
  }),
  assetBySymbol: define({
    id: 1,
    args: { symbol: text(RULES.symbolLength) },
    result: assetFields,
    gas: GAS.view,
    read(state, { symbol }) {
      const asset = assetBySymbol(state, symbol)
      return asset < 0 ? reject('UNKNOWN_ASSET') : ok(assetOf(state, asset))
    },
  }),
  assets: define({
    id: 2,
    args: {},
    result: { assets: list(assetFields, ledgerCapacities.assets) },
    gas: GAS.view,
    read: (state) =>
      ok({ assets: Array.from({ length: state.assets.count() }, (_, i) => assetOf(state, i)) }),
  }),
  /** Overview of an account. */
  account: define({
    id: 3,
    args: { address },
    result: { id: u32, isEngine: bool, usdx: int, balances: balanceList, agents: agentList },
    gas: GAS.view,
    read(state, args, { time }) {
      const id = accountOf(state, args.address)
      if (id === 0) return reject('UNKNOWN_ACCOUNT')
      return ok({
        id,
        isEngine: state.accounts.columns.isModule.get(id) === 1,
        usdx: balanceOf(state, id, USDX),
        balances: balancesOf(state, args.address),
        agents: agentsOf(state, args.address, time),
      })
    },
  }),
  /** 0 for an account that does not exist. */
  balance: define({
    id: 4,
    args: { owner: address, asset: u16 },
    result: { amount: int },
    gas: GAS.view,
    read: (state, { owner, asset }) =>
      isAsset(state, asset)
        ? ok({ amount: balanceOf(state, accountOf(state, owner), asset) })
        : reject('UNKNOWN_ASSET'),
  }),
  balances: define({
    id: 5,
    args: { owner: address },
    result: { balances: balanceList },
    gas: GAS.view,
    read: (state, { owner }) => ok({ balances: balancesOf(state, owner) }),
  }),
  /** Those that may sign now. */
  agents: define({
    id: 6,
    args: { owner: address },
    result: { agents: agentList },
    gas: GAS.view,
    read: (state, { owner }, { time }) => ok({ agents: agentsOf(state, owner, time) }),
  }),
  agent: define({
    id: 7,
    args: { agent: address },
    result: agentFields,
    gas: GAS.view,
    read(state, { agent }, { time }) {
      const grant = grantOf(state, agent, time)
      return grant === 0 ? reject('UNKNOWN_AGENT') : ok(agentOf(state, grant))
    },
  }),
  /** Kept nonces of a signer in rising order, and the window that a new one must lie in, edges included. */
  nonces: define({
    id: 8,
    args: { signer: address },
    result: { earliest: int, latest: int, used: list({ nonce: int }, RULES.noncesKept) },
    gas: GAS.view,
    read(state, { signer }, { time }) {
      const used = noncesOf(state, state.signerByAddress.find(signer))
      const behind = Math.max(time - RULES.nonceAgeMs + 1, 0)
      const full = used.length === RULES.noncesKept
      return ok({
        earliest: full ? Math.max(behind, (used[0] ?? 0) + 1) : behind,
        latest: time + RULES.nonceLeadMs - 1,
        used: used.map((nonce) => ({ nonce })),
      })
    },
  }),
  /** USDX units per 1,000 Core gas. */
  gasPrice: define({
    id: 9,
    args: {},
    result: { gasPrice: int },
    gas: GAS.view,
    read: (state) => ok({ gasPrice: gasPriceOf(state) }),
  }),
  supply: define({
    id: 10,
    args: { asset: u16 },
    result: supplyFields,
    gas: GAS.view,
    read: (state, { asset }) =>
      isAsset(state, asset) ? ok(supplyOf(state, asset)) : reject('UNKNOWN_ASSET'),
  }),
  /** Since genesis, in USDX units; `burnedShare` in millionths. */
  fees: define({
    id: 11,
    args: {},
    result: {
      paid: u128,
      burned: u128,
      treasury: account,
      burnedShare: u32,
      registrationFee: int,
    },
    gas: GAS.view,
    read(state) {
      const { columns } = state.chain
      return ok({
        paid: columns.feesPaid.get(CHAIN),
        burned: columns.feesBurned.get(CHAIN),
        treasury: columns.treasury.get(CHAIN),
        burnedShare: columns.burnedShare.get(CHAIN),
        registrationFee: columns.registrationFee.get(CHAIN),
      })
    },
  }),
} as const
