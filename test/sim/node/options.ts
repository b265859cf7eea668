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
  /** Nodes with a key that is in no set at first. */
  readonly spares: number
  /** Nodes with another key, which they change to when it has more power. */
  readonly secondKeys: readonly number[]
  /** Heights between changes of the target for the validator set; 0: it stays. */
  readonly membershipEveryHeights: number
  /** Nodes that follow without a vote. */
  readonly observers: number
  /** Validators that run twice, with one key and two disks: they equivocate. Less than a third of the power, with `expendable`. */
  readonly twins: readonly number[]
  /** Validators that may lose their data or be left behind, so that the others are more than two thirds. */
  readonly expendable: readonly number[]
  /** Validators that run another program, which says what it likes. Of the same third. */
  readonly liars: readonly number[]
  readonly machines: 'echo' | 'real'
  readonly signatures: 'fake' | 'real'
  readonly link: LinkOptions
  /** Of the disk's slow operations, a uniform draw. */
  readonly diskMs: readonly [min: number, max: number]
  readonly executionMs: readonly [min: number, max: number]
  readonly walPreallocatedBytes: number
  readonly doubleSignCheckHeights: number
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
  /** The same, when the node commits a height: where sets change. */
  | {
      readonly kind: 'crashAt'
      readonly node: number
      readonly height: number
      readonly forMs: number
      readonly fate: Fate
    }
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

  /** A bit of what is durable flips, of a node that can be spared; it is noticed, or harms nobody else. */
  | { readonly kind: 'rot'; readonly node: number; readonly place: number; readonly forMs: number }
  /** A write goes elsewhere in its file, of a node that can be spared. */
  | { readonly kind: 'misdirected'; readonly node: number; readonly forMs: number }
  /** There is no room on the disk for a while, whoever restarts the node. */
  | { readonly kind: 'fullDisk'; readonly node: number; readonly forMs: number }

export type FaultKind = Fault['kind']
export type Fate = 'none' | 'all' | 'prefix' | 'subset' | 'garbage' | 'kill'
export type ScheduledFault = { readonly atMs: number; readonly fault: Fault }

const FAULT_KINDS: readonly FaultKind[] = [
  'crash',
  'crashAt',
  'wipe',
  'pause',
  'partition',
  'clog',
  'clockStep',
  'clockDrift',
  'slowNode',
  'slowDisk',
  'diskFault',
  'rot',
  'misdirected',
  'fullDisk',
]
/** Later than the others: they must not change what those draw. */
const LATER_KINDS: readonly FaultKind[] = ['crashAt', 'rot', 'misdirected', 'fullDisk']
const FATES: readonly Fate[] = ['none', 'all', 'prefix', 'subset', 'garbage', 'kill']

/** No faults, a LAN, equal validators. */
export const calmOptions: SimOptions = {
  powers: [1, 1, 1, 1],
  spares: 0,
  secondKeys: [],
  membershipEveryHeights: 0,
  observers: 0,
  twins: [],
  expendable: [],
  liars: [],
  machines: 'echo',
  signatures: 'fake',
  link: { minMs: 0.5, tailMs: 0.5, lossPercent: 0, duplicatePercent: 0 },
  diskMs: [0.1, 0.4],
  executionMs: [1, 3],
  walPreallocatedBytes: 4_096,
  doubleSignCheckHeights: 10,
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
export const PROFILES = [
  'swarm',
  'calm',
  'crashes',
  'partitions',
  'disks',
  'clocks',
  'members',
  'liars',
  'large',
] as const
export type Profile = (typeof PROFILES)[number]

const KINDS_OF_PROFILE: Readonly<Record<Exclude<Profile, 'swarm' | 'calm'>, readonly FaultKind[]>> =
  {
    crashes: ['crash', 'wipe', 'pause'],
    partitions: ['partition', 'clog', 'slowNode'],
    disks: ['diskFault', 'slowDisk', 'crash', 'rot', 'misdirected', 'fullDisk'],
    clocks: ['clockStep', 'clockDrift', 'pause'],
    members: ['crash', 'crashAt', 'partition', 'diskFault'],
    liars: ['crash', 'partition', 'wipe'],
    large: ['crash', 'pause', 'partition', 'clog', 'slowNode'],
  }

export function optionsFromSeed(seed: number, profile: Profile = 'swarm'): SimOptions {
  if (profile === 'calm') return calmOptions
  const drawn = drawOptions(seed, profile)
  if (profile === 'large') return { ...drawn, ...wide }
  return profile === 'members' || profile === 'liars' ? { ...drawn, ...busy } : drawn
}

/** Many heights, for changes of the set to happen and to be interrupted. */
const busy = {
  link: { minMs: 0.5, tailMs: 1, lossPercent: 1, duplicatePercent: 1 },
  ...{ emptyBlockIntervalMs: 100, faultEveryMs: 500, chaosMs: 6_000, timeoutPercent: 50 },
}

/** Few and single faults, for as many validators as `--nodes` says; the disk has no latency of its own. */
const wide: Partial<SimOptions> = {
  ...{ link: { minMs: 20, tailMs: 10, lossPercent: 0, duplicatePercent: 0 }, machines: 'echo' },
  ...{ emptyBlockIntervalMs: 200, faultEveryMs: 500, chaosMs: 6_000, timeoutPercent: 100 },
  ...{ diskMs: [0, 0], signatures: 'fake', clients: 3, clientEveryMs: 100 },
}

function drawOptions(seed: number, profile: Exclude<Profile, 'calm'>): SimOptions {
  const random = new Random(seed, 'options')
  const more = new Random(seed, 'more options')
  const count = random.pick([1, 2, 3, 4, 4, 4, 4, 5, 6, 7, 7, 10])
  const isWeighted = random.chance(30)
  const powers = Array.from({ length: count }, () => (isWeighted ? random.range(1, 10) : 1))
  const faulty = lessThanAThird(powers, random)
  const twins = random.chance(25) ? faulty.slice(0, 1) : []
  const drawn = FAULT_KINDS.filter((kind) =>
    (LATER_KINDS.includes(kind) ? more : random).chance(50),
  )
  return {
    ...membershipFrom(more, powers, profile),
    observers: random.chance(30) ? random.range(1, 2) : 0,
    ...faultyFrom(more, faulty, twins, profile),
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
    // Who runs a key twice has switched off what would find that.
    doubleSignCheckHeights: twins.length > 0 ? 0 : more.pick([0, 10, 10, 1_000]),
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

/** The first of those that may fail is a twin, a liar, or like the others. */
function faultyFrom(
  random: Random,
  faulty: readonly number[],
  twins: readonly number[],
  profile: Profile,
) {
  const isLying =
    profile === 'liars' || (profile === 'swarm' && twins.length === 0 && random.chance(30))
  if (!isLying) return { twins, liars: [], expendable: faulty.slice(twins.length) }
  return { twins: [], liars: faulty.slice(0, 1), expendable: faulty.slice(1) }
}

/** Powers are large enough to change by parts. */
function membershipFrom(random: Random, powers: readonly number[], profile: Profile) {
  const isChanging = profile === 'members' || (profile === 'swarm' && random.chance(35))
  if (!isChanging) return { powers, spares: 0, secondKeys: [], membershipEveryHeights: 0 }
  const spares = random.range(0, 3)
  const nodes = [...new Array(powers.length + spares).keys()]
  return {
    ...{ powers: powers.map((power) => 10 * power), spares },
    secondKeys: nodes.filter(() => random.chance(40)),
    membershipEveryHeights: random.pick([1, 2, 3, 5]),
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

export const nodeCount = ({ powers, spares, observers, twins }: SimOptions): number =>
  powers.length + spares + observers + twins.length

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
    case 'crashAt':
      return { kind, node, height: random.range(1, 30), forMs, fate: random.pick(FATES) }
    case 'wipe':
      if (options.expendable.length === 0) return null
      return { kind, node: random.pick(options.expendable), forMs }
    case 'rot':
    case 'misdirected':
      if (options.expendable.length === 0) return null
      return {
        ...{ kind, node: random.pick(options.expendable), forMs },
        place: random.range(0, 2 ** 30),
      }
    case 'pause':
    case 'fullDisk':
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
