import type { Evidence } from '../../core/chain/evidence.ts'
import {
  type AttackVerdict,
  duplicateVotesOf,
  judgeAttack,
  type LightClientAttack,
} from './attack.ts'
import type { LightBlock } from './lightBlock.ts'
import type { TrustedState } from './trusted.ts'

/** Two verified blocks of one height, and the last state before it that both sources share. */
export type LightFork = {
  readonly common: TrustedState
  readonly primary: { readonly name: string; readonly block: LightBlock }
  readonly witness: { readonly name: string; readonly block: LightBlock }
}

/** An accusation of one side, as the other side sees it. */
export type Accusation = AttackVerdict & { readonly attack: LightClientAttack }

export type LightForkReport = LightFork & {
  /** For nodes that follow the witness, and for those that follow the primary: the client cannot know which is the chain. */
  readonly againstPrimary: Accusation
  readonly againstWitness: Accusation
  /** What convicts on either chain. */
  readonly duplicateVotes: readonly Evidence[]
}

export function reportOf(fork: LightFork, chainId: number): LightForkReport {
  const { common } = fork
  const [primary, witness] = [fork.primary.block, fork.witness.block]
  const accusation = (conflicting: LightBlock, block: LightBlock): Accusation => {
    const attack = { commonHeight: common.height, conflicting }
    return { attack, ...judgeAttack(attack, { common, block }) }
  }
  return {
    ...fork,
    againstPrimary: accusation(primary, witness),
    againstWitness: accusation(witness, primary),
    duplicateVotes: duplicateVotesOf(witness, primary, chainId),
  }
}
