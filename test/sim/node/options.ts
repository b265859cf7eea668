// Everything that a simulated network is, drawn from its seed: every run has its own mix ("swarm").
import type { Fault as DiskFault } from '../disk/virtualDisk.ts'
import { Random } from '../random.ts'

export type LinkOptions = {
  /** Every message takes at least this long, and a tail beyond it that is exponential with this mean. */
  readonly minMs: number
  readonly tailMs: number
  readonly lossPercent: number
  readonly duplicatePercent: number
}

export type SimOptions = {
  /** Voting power by validator; node i holds key i. */
  readonly powers: readonly number[]
  /** Nodes that follow without a vote. */
  readonly observers: number
  /** Validators that run twice, with one key and two disks: they equivocate. Less than a third of the power, with `expendable`. */
  readonly twins: readonly number[]
  /** Validators that may lose their data or be left behind, so that the others are more than two thirds. */
  readonly expendable: readonly number[]
  readonly machines: 'echo' | 'real'
  readonly signatures: 'fake' | 'real'
  readonly link: LinkOptions
  /** Of the disk's slow operations, a uniform draw. */
  readonly diskMs: readonly [min: number, max: number]
  readonly executionMs: readonly [min: number, max: number]
  readonly walPreallocatedBytes: number
  readonly emptyBlockIntervalMs: number
  /** The clocks' error at the start and while all is well; the chain's precision is `precisionMs`. */
  readonly skewMs: number
  readonly precisionMs: number
  /** Of the consensus timeouts, percent of the defaults. */
  readonly timeoutPercent: number
  readonly clients: number
  readonly clientEveryMs: number
  /** How long faults last. */
  readonly chaosMs: number
  readonly faultEveryMs: number
  readonly faultKinds: readonly FaultKind[]
  /** What becomes of `expendable` when the rest is healed. */
  readonly leftBehind: 'healed' | 'dead' | 'isolated'
}

export type Fault =
  /** The power of one node goes and comes back; `fate` is what its disk makes of unsynced writes. */
  | { readonly kind: 'crash'; readonly node: number; readonly forMs: number; readonly fate: Fate }
  /** All data is lost but the last-signed file, which lies apart. */
  | { readonly kind: 'wipe'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'pause'; readonly node: number; readonly forMs: number }
  | {
      readonly kind: 'partition'
      readonly side: readonly number[]
      /** Only what leaves `side` is lost. */
      readonly oneWay: boolean
      readonly forMs: number
    }
  /** What one node sends another is held back, and arrives at the end. */
  | {
      readonly kind: 'clog'
      readonly from: number
      readonly to: number
      readonly forMs: number
    }
  | { readonly kind: 'clockStep'; readonly node: number; readonly byMs: number }
  | { readonly kind: 'clockDrift'; readonly node: number; readonly perMille: number }
  | {
      readonly kind: 'slowNode'
      readonly node: number
      readonly byMs: number
      readonly forMs: number
    }
  | {
      readonly kind: 'slowDisk'
      readonly node: number
      readonly byMs: number
      readonly forMs: number
    }
  /** The next operation of the disk fails; the node must stop, and is started again `forMs` later. */
  | {
      readonly kind: 'diskFault'
      readonly node: number
      readonly fault: Exclude<DiskFault, 'misdirected'>
      readonly forMs: number
    }

export type FaultKind = Fault['kind']
export type Fate = 'none' | 'all' | 'prefix' | 'subset' | 'garbage' | 'kill'
export type ScheduledFault = { readonly atMs: number; readonly fault: Fault }

const FAULT_KINDS: readonly FaultKind[] = [
  'crash',
  'wipe',
  'pause',
  'partition',
  'clog',
  'clockStep',
  'clockDrift',
  'slowNode',
  'slowDisk',
  'diskFault',
]
const FATES: readonly Fate[] = ['none', 'all', 'prefix', 'subset', 'garbage', 'kill']

/** No faults, a LAN, equal validators. */
export const calmOptions: SimOptions = {
  powers: [1, 1, 1, 1],
  observers: 0,
  twins: [],
  expendable: [],
  machines: 'echo',
  signatures: 'fake',
  link: { minMs: 0.5, tailMs: 0.5, lossPercent: 0, duplicatePercent: 0 },
  diskMs: [0.1, 0.4],
  executionMs: [1, 3],
  walPreallocatedBytes: 4_096,
  emptyBlockIntervalMs: 1_000,
  skewMs: 2,
  precisionMs: 500,
  timeoutPercent: 100,
  clients: 3,
  clientEveryMs: 100,
  chaosMs: 2_000,
  faultEveryMs: 0,
  faultKinds: [],
  leftBehind: 'healed',
}

/** Mixes that random choice would rarely hit on; `swarm` draws everything. */
export const PROFILES = ['swarm', 'calm', 'crashes', 'partitions', 'disks', 'clocks'] as const
export type Profile = (typeof PROFILES)[number]

const KINDS_OF_PROFILE: Readonly<Record<Exclude<Profile, 'swarm' | 'calm'>, readonly FaultKind[]>> =
  {
    crashes: ['crash', 'wipe', 'pause'],
    partitions: ['partition', 'clog', 'slowNode'],
    disks: ['diskFault', 'slowDisk', 'crash'],
    clocks: ['clockStep', 'clockDrift', 'pause'],
  }

export function optionsFromSeed(seed: number, profile: Profile = 'swarm'): SimOptions {
  if (profile === 'calm') return calmOptions
  const random = new Random(seed, 'options')
  const count = random.pick([1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 7, 10])
  const isWeighted = random.chance(30)
  const powers = Array.from({ length: count }, () => (isWeighted ? random.range(1, 10) : 1))
  const faulty = lessThanAThird(powers, random)
  const twins = random.chance(25) ? faulty.slice(0, 1) : []
  const drawn = FAULT_KINDS.filter(() => random.chance(50))
  return {
    powers,
    observers: random.chance(30) ? random.range(1, 2) : 0,
    twins,
    expendable: faulty.slice(twins.length),
    machines: random.chance(4) ? 'real' : 'echo',
    signatures: random.chance(3) ? 'real' : 'fake',
    link: {
      minMs: random.pick([0.2, 1, 5, 30]),
      tailMs: random.pick([0, 0.5, 3, 20, 80]),
      lossPercent: random.chance(50) ? 0 : random.range(1, 60),
      duplicatePercent: random.chance(50) ? 0 : random.range(1, 30),
    },
    diskMs: random.pick([
      [0, 0],
      [0.1, 0.4],
      [1, 10],
    ] as const),
    executionMs: random.pick([
      [0, 0],
      [1, 3],
      [5, 50],
    ] as const),
    walPreallocatedBytes: random.pick([0, 4_096, 16_384]),
    emptyBlockIntervalMs: random.pick([100, 300, 1_000]),
    skewMs: random.pick([0, 2, 20]),
    precisionMs: random.pick([50, 500]),
    timeoutPercent: random.pick([50, 100, 100, 300]),
    clients: random.range(0, 6),
    clientEveryMs: random.pick([20, 100, 500]),
    chaosMs: random.range(1_000, 12_000),
    faultEveryMs: random.pick([50, 200, 800, 3_000]),
    faultKinds: profile === 'swarm' ? drawn : KINDS_OF_PROFILE[profile],
    leftBehind: random.pick(['healed', 'dead', 'isolated']),
  }
}

/** In random order, as many validators as stay below a third of the power. */
function lessThanAThird(powers: readonly number[], random: Random): number[] {
  const total = powers.reduce((sum, power) => sum + power, 0)
  const chosen: number[] = []
  let power = 0
  for (const index of random.shuffled([...powers.keys()])) {
    if (3 * (power + (powers[index] as number)) >= total) continue
    power += powers[index] as number
    chosen.push(index)
  }
  return chosen
}

export const nodeCount = ({ powers, observers, twins }: SimOptions): number =>
  powers.length + observers + twins.length

/** Draws what goes wrong and when. From here on it is data: a failure is shrunk by leaving parts of it out. */
export function scheduleFromSeed(seed: number, options: SimOptions): ScheduledFault[] {
  const { faultEveryMs, faultKinds, chaosMs } = options
  if (faultEveryMs === 0 || faultKinds.length === 0) return []
  const random = new Random(seed, 'faults')
  const schedule: ScheduledFault[] = []
  for (let atMs = 0; ; ) {
    atMs += random.range(1, 2 * faultEveryMs)
    if (atMs >= chaosMs) return schedule
    const fault = drawFault(random, random.pick(faultKinds), options)
    if (fault !== null) schedule.push({ atMs, fault })
  }
}

function drawFault(random: Random, kind: FaultKind, options: SimOptions): Fault | null {
  const count = nodeCount(options)
  const node = random.range(0, count - 1)
  const forMs = random.pick([20, 200, 1_000, 4_000]) + random.range(0, 500)
  switch (kind) {
    case 'crash':
      return { kind, node, forMs, fate: random.pick(FATES) }
    case 'wipe':
      if (options.expendable.length === 0) return null
      return { kind, node: random.pick(options.expendable), forMs }
    case 'pause':
      return { kind, node, forMs }
    case 'partition': {
      const size = random.pick([1, 1, count >> 1, random.range(1, count)])
      const side = random.shuffled([...new Array(count).keys()]).slice(0, size)
      return { kind, side, oneWay: random.chance(30), forMs }
    }
    case 'clog':
      return { kind, from: node, to: random.range(0, count - 1), forMs }
    case 'clockStep':
      return { kind, node, byMs: random.pick([-5_000, -300, -30, 30, 300, 5_000]) }
    case 'clockDrift':
      return { kind, node, perMille: random.range(-50, 50) }
    case 'slowNode':
    case 'slowDisk':
      return { kind, node, byMs: random.pick([5, 50, 300]), forMs }
    case 'diskFault':
      return { kind, node, fault: random.pick(['ENOSPC', 'EIO', 'fsync'] as const), forMs }
  }
}
