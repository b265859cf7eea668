import type { DevnetBackend, DevnetRequest } from '../devnetBackend.ts'
import { data, quantity } from '../format/hex.ts'
import { type Method, type MethodModules, type MethodTable, method, patient } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import { looseInteger } from '../params/integer.ts'
import {
  bad,
  MemberReader,
  membersOf,
  optional,
  type Parser,
  required,
} from '../params/parameter.ts'
import { integerUpTo } from '../params/values.ts'
import { DEVNET_STATE_NAMES, devnetStateMethods } from './devnetState.ts'
import { UNSUPPORTED_HERE } from './unsupported.ts'

/** Blocks that one call may ask for; each is voted for and stored. */
const MAX_MINED = 10_000
/** A thousand years: block times stay exact as milliseconds. */
const MAX_SECONDS = 32_000_000_000

const seconds: Parser<number> = (json) => {
  const parsed = looseInteger(json)
  if (!parsed.ok || parsed.value <= MAX_SECONDS) return parsed
  return bad(`more than ${MAX_SECONDS} seconds`)
}
const blocks: Parser<number> = (json) => {
  const parsed = looseInteger(json)
  return parsed.ok ? integerUpTo(MAX_MINED)(parsed.value) : parsed
}

/** `evm_*`, `anvil_*`, `hardhat_*`: what tools expect of a development network; on a devnet only. */
export function devnetMethods(modules: MethodModules): MethodTable {
  const { devnet } = modules.backend
  const supported = devnet === undefined ? {} : supportedMethods(modules, devnet)
  const refused = [...SUPPORTED, ...Object.keys(UNSUPPORTED_HERE)]
    .filter((name) => !Object.hasOwn(supported, name))
    .map((name) => [name, devnet === undefined ? elsewhere(name) : unsupported(name)] as const)
  return { ...supported, ...Object.fromEntries(refused) }
}

function supportedMethods(modules: MethodModules, devnet: DevnetBackend): MethodTable {
  const control = async (request: DevnetRequest, answer: unknown): Promise<Outcome<unknown>> => {
    const done = await devnet.control(request)
    return done.ok ? { ok: true, value: answer } : done
  }
  const mine = (answer: unknown): Method =>
    patient(
      method([optional(blocks, 1), optional(seconds, 0)], (_, count, interval) =>
        count === 0
          ? { ok: true, value: answer }
          : control({ kind: 'mine', blocks: count, intervalMs: millisOf(interval) }, answer),
      ),
    )
  const advance = method([required(seconds)], async (_, amount) => {
    const done = await devnet.control({ kind: 'advance', ms: amount * 1_000 })
    return done.ok ? { ok: true, value: Math.floor(done.value.aheadMs / 1_000) } : done
  })
  const time = method([required(seconds)], (_, at) => control({ kind: 'time', ms: at * 1_000 }, 0))
  const next = method([required(seconds)], (_, at) =>
    control({ kind: 'nextBlockTime', ms: at * 1_000 }, null),
  )
  const snapshot = patient(
    method([], async () => {
      const taken = await devnet.control({ kind: 'snapshot' })
      return taken.ok ? { ok: true, value: quantity(taken.value.snapshot ?? 0) } : taken
    }),
  )
  const revert = patient(
    method([required(looseInteger)], async (_, id) => {
      const back = await devnet.control({ kind: 'revert', snapshot: id })
      return back.ok ? { ok: true, value: typeof back.value.snapshot === 'number' } : back
    }),
  )
  return {
    evm_snapshot: snapshot,
    anvil_snapshot: snapshot,
    evm_revert: revert,
    anvil_revert: revert,
    evm_mine: evmMine(devnet),
    anvil_mine: mine(null),
    hardhat_mine: mine(true),
    evm_increaseTime: advance,
    anvil_increaseTime: advance,
    anvil_setTime: time,
    evm_setTime: time,
    evm_setNextBlockTimestamp: next,
    anvil_setNextBlockTimestamp: next,
    ...devnetStateMethods(modules, devnet),
    anvil_getAutomine: method([], () => ({ ok: true, value: true })),
    hardhat_getAutomine: method([], () => ({ ok: true, value: true })),
    anvil_nodeInfo: method([], () => ({ ok: true, value: nodeInfo(modules, devnet) })),
    anvil_metadata: method([], () => ({ ok: true, value: metadata(modules) })),
    hardhat_metadata: method([], () => ({ ok: true, value: metadata(modules) })),
  }
}

const SUPPORTED = [
  'evm_snapshot',
  'anvil_snapshot',
  'evm_revert',
  'anvil_revert',
  'evm_mine',
  'anvil_mine',
  'hardhat_mine',
  'evm_increaseTime',
  'anvil_increaseTime',
  'anvil_setTime',
  'evm_setTime',
  'evm_setNextBlockTimestamp',
  'anvil_setNextBlockTimestamp',
  ...DEVNET_STATE_NAMES,
  'anvil_getAutomine',
  'hardhat_getAutomine',
  'anvil_nodeInfo',
  'anvil_metadata',
  'hardhat_metadata',
]

/** viem sends zero where nobody asked for a distance. */
const millisOf = (interval: number): number | null => (interval === 0 ? null : interval * 1_000)

type EvmMine = { readonly blocks: number; readonly at: number | null }

/** Nothing, a time, or anvil's object of both. */
const evmMineOptions: Parser<EvmMine> = (json) => {
  const at = seconds(json)
  if (at.ok) return { ok: true, value: { blocks: 1, at: at.value } }
  const members = membersOf(json)
  if (!members.ok) return at
  const reader = new MemberReader(members.value)
  return reader.finish({
    blocks: reader.read('blocks', blocks, 1),
    at: reader.read('timestamp', seconds, null),
  })
}

const evmMine = (devnet: DevnetBackend): Method =>
  patient(
    method([optional(evmMineOptions, { blocks: 1, at: null })], async (_, wanted) => {
      if (wanted.at !== null) {
        const pinned = await devnet.control({ kind: 'nextBlockTime', ms: wanted.at * 1_000 })
        if (!pinned.ok) return pinned
      }
      if (wanted.blocks === 0) return { ok: true, value: '0x0' }
      const mined = await devnet.control({
        kind: 'mine',
        blocks: wanted.blocks,
        intervalMs: null,
      })
      return mined.ok ? { ok: true, value: '0x0' } : mined
    }),
  )

const elsewhere = (name: string): Method =>
  refusing(() => fail({ code: 'DEVNET_ONLY', method: name }))

const unsupported = (name: string): Method =>
  refusing(() =>
    fail({ code: 'DEVNET_UNSUPPORTED', method: name, instead: UNSUPPORTED_HERE[name] ?? '' }),
  )

const refusing = (run: Method['run']): Method => ({ isHeavy: false, isPatient: false, run })

/** What `anvil_nodeInfo` has in anvil; numbers are hexadecimal there too. */
function nodeInfo({ backend, options }: MethodModules, { hardfork }: DevnetBackend): unknown {
  const height = backend.height()
  const header = backend.header(height)
  const baseFee = backend.nextBaseFee(height)
  return {
    currentBlockNumber: quantity(height),
    currentBlockTimestamp: header?.timestamp ?? 0,
    currentBlockHash: header === null ? null : data(header.hash),
    hardFork: hardfork,
    transactionOrder: 'fees',
    environment: {
      baseFee: quantity(baseFee),
      chainId: backend.identity.chainId,
      gasLimit: quantity(header?.gasLimit ?? 0),
      gasPrice: quantity(baseFee + options.suggestedTip),
    },
    forkConfig: { forkUrl: null, forkBlockNumber: null, forkRetryBackoff: null },
  }
}

/** What `hardhat_metadata` has in Hardhat. */
function metadata({ backend }: MethodModules): unknown {
  const { identity } = backend
  const height = backend.height()
  const header = backend.header(height)
  return {
    clientVersion: identity.clientVersion,
    chainId: identity.chainId,
    instanceId: data(identity.genesisHash),
    latestBlockNumber: height,
    latestBlockHash: header === null ? null : data(header.hash),
  }
}
