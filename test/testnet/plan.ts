// What a testnet is and what happens to it, from one number.
import type { ConsensusParams } from '../../core/chain/params.ts'
import { type Random, randomFrom } from '../support/smallRandom.ts'

/** Something that happens to a node, or to a group of them, and ends. */
export type Perturbation =
  | { readonly kind: 'kill' | 'restart' | 'upgrade'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'pause' | 'disconnect'; readonly node: number; readonly forMs: number }
  /** The group hears nothing from the others, and the others nothing from it. */
  | { readonly kind: 'partition'; readonly group: readonly number[]; readonly forMs: number }

export type NodePlan = {
  /** 0: an observer. */
  readonly power: number
  /** Added to what its clock says. */
  readonly skewMs: number
  /** Each sync of its log and guard takes this much longer. */
  readonly diskMs: number
  readonly engineThreads: number
  readonly historyBlocks: number
}

export type Plan = {
  readonly seed: number
  readonly nodes: readonly NodePlan[]
  /** One way, by pair of regions; a node's region is its number modulo the regions. */
  readonly delaysMs: readonly (readonly number[])[]
  readonly blockTimeMs: number
  readonly senders: number
  readonly perturbations: readonly Perturbation[]
  /** Of the genesis, over the defaults. */
  readonly consensus?: Partial<ConsensusParams>
  /** Of Node, for every node. */
  readonly flags?: readonly string[]
  /** Of every node, over what this plan says. */
  readonly config?: { readonly [section: string]: object }
}

const KINDS = ['kill', 'restart', 'upgrade', 'pause', 'disconnect', 'partition'] as const

const between = (random: Random, least: number, most: number): number =>
  least + random(most - least + 1)

/** Every option is drawn from the seed. */
export function planFrom(seed: number, perturbations = 5): Plan {
  const random = randomFrom(seed)
  const validators = between(random, 3, 5)
  const observers = random(2)
  const isEven = random(2) === 0
  const nodes = Array.from({ length: validators + observers }, (_, i): NodePlan => {
    const power = i >= validators ? 0 : isEven ? 10 : between(random, 5, 20)
    return {
      power,
      skewMs: random(3) === 0 ? between(random, -150, 150) : 0,
      diskMs: random(4) === 0 ? between(random, 1, 15) : 0,
      engineThreads: random(4) === 0 ? 1 : 0,
      historyBlocks: random(3) === 0 ? 8 : 10_000,
    }
  })
  const regions = between(random, 1, 3)
  const delays = Array.from({ length: regions }, () => new Array<number>(regions).fill(0))
  for (let a = 0; a < regions; a++)
    for (let b = 0; b < a; b++) {
      const delayMs = between(random, 2, 40)
      for (const [from, to] of [[a, b] as const, [b, a] as const])
        (delays[from] as number[])[to] = delayMs
    }
  return {
    seed,
    nodes,
    delaysMs: delays,
    blockTimeMs: [200, 500, 1_000][random(3)] as number,
    senders: between(random, 2, 6),
    perturbations: Array.from({ length: perturbations }, () => perturbation(random, nodes.length)),
  }
}

function perturbation(random: Random, size: number): Perturbation {
  const kind = KINDS[random(KINDS.length)] as (typeof KINDS)[number]
  const forMs = between(random, 500, 5_000)
  if (kind !== 'partition') return { kind, node: random(size), forMs }
  const order = Array.from({ length: size }, (_, i) => i).filter(() => random(2) === 0)
  const group = order.length === 0 || order.length === size ? [0] : order
  return { kind, group, forMs }
}

export const wordsOf = (one: Perturbation): string =>
  one.kind === 'partition'
    ? `nodes ${one.group.join()} hear nobody else for ${one.forMs} ms`
    : `${one.kind} node ${one.node}, ${one.forMs} ms`
