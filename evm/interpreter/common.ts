import { type Common, createCustomCommon, Mainnet } from '@ethereumjs/common'
import type { EngineHardfork } from '../forks.ts'
import { customCrypto } from './crypto.ts'

/** The chain's rules for the libraries. Nothing here depends on a block: the fork is fixed. */
export function createCommon(chainId: number, hardfork: EngineHardfork): Common {
  return createCustomCommon({ name: 'nexus', chainId }, Mainnet, { hardfork, customCrypto })
}

/**
 * Answers the questions that the interpreter repeats for every opcode from tables; asked of the
 * library they are searches and conversions. Only once the rules no longer change.
 */
export function memoize(common: Common): void {
  const active = new Set(common.eips())
  const eips = Array.from(
    { length: 10_000 },
    (_, eip) => active.has(eip) || common.isActivatedEIP(eip),
  )
  common.isActivatedEIP = (eip) => eips[eip] ?? false
  const params = new Map<string, bigint>()
  const ask = common.param.bind(common)
  common.param = (name) => {
    const known = params.get(name)
    if (known !== undefined) return known
    const value = ask(name)
    params.set(name, value)
    return value
  }
  const forks = new Map<string, boolean>()
  const compare = common.gteHardfork.bind(common)
  common.gteHardfork = (fork) => {
    const known = forks.get(fork)
    if (known !== undefined) return known
    const value = compare(fork)
    forks.set(fork, value)
    return value
  }
  const consensus = common.consensusType()
  common.consensusType = () => consensus
  const algorithm = common.consensusAlgorithm()
  common.consensusAlgorithm = () => algorithm
}
