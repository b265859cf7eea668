import { type Measured, type MeasuredNetwork, measureThroughput } from '../throughput.ts'

export type Offered = {
  /** Transfers a second, over all nodes. */
  readonly perSecond: number
  readonly seconds: number
}

/** What of a measurement a report shows. */
export type Seen = {
  readonly offeredPerSecond: number
  readonly finalizedPerSecond: number
  readonly submitToFinal: unknown
  readonly blocksPerSecond: unknown
  /** Of the heights decided, how many needed more than one round, in percent. */
  readonly laterRoundsPercent: number
  readonly neverFinal: unknown
  readonly errors: unknown
  readonly cores: number
  readonly rssMb: readonly number[]
}

const SENDERS = 64
const BATCH = 20
const WARMUP_SECONDS = 5

/** Transfers at a fixed rate, whatever comes back. */
export async function offer(
  network: MeasuredNetwork,
  { perSecond, seconds }: Offered,
  meanwhile?: () => Promise<void>,
): Promise<Seen> {
  const options = {
    kind: 'transfer' as const,
    ...{ seconds, warmupSeconds: WARMUP_SECONDS, senders: SENDERS, batch: BATCH },
    pace: { kind: 'open' as const, perSecond },
    prepared: Math.ceil(perSecond * (seconds + WARMUP_SECONDS + 1)),
  }
  return seenOf(perSecond, await measureThroughput(network, options, meanwhile))
}

function seenOf(offeredPerSecond: number, measured: Measured): Seen {
  const uses = measured.validators as readonly {
    readonly resources: { readonly cores: number; readonly rssMb: number } | null
  }[]
  const { heights, laterRounds } = measured
  return {
    offeredPerSecond,
    finalizedPerSecond: measured.finalizedPerSecond as number,
    submitToFinal: measured.submitToFinal,
    blocksPerSecond: measured.blocksPerSecond,
    laterRoundsPercent: heights === 0 ? 0 : Math.round((1_000 * laterRounds) / heights) / 10,
    neverFinal: measured.neverFinal,
    errors: measured.errors,
    cores: Math.round(10 * uses.reduce((sum, one) => sum + (one.resources?.cores ?? 0), 0)) / 10,
    rssMb: uses.map((one) => one.resources?.rssMb ?? 0),
  }
}
