import type { ExecutedTransaction } from '../core/chain/executedBlock.ts'
import type { CoreCall, CoreCallOutcome, CorePort } from '../core/host/corePort.ts'
import { toHex } from '../core/primitives/bytes.ts'
import { NexusError } from '../core/primitives/errors.ts'
import { type Body, type Decoded, runBody } from './blockBody.ts'
import { type Engine, enter } from './engine.ts'
import type { EvmBlockCore } from './machine.ts'
import type { FlatState } from './state/flatState.ts'
import type { BlockContext } from './transition.ts'

type Recorded = { readonly call: CoreCall; readonly outcome: CoreCallOutcome }

/** The engines behind a port that remembers what they were asked and answered: they can be asked only once. */
export class CallRecord {
  readonly #port: CorePort
  readonly #calls: Recorded[] = []

  constructor(port: CorePort) {
    this.#port = port
  }

  get recording(): CorePort {
    const port = this.#port
    return {
      has: (engine) => port.has(engine),
      call: (call) => {
        const outcome = port.call(call)
        this.#calls.push({ call, outcome })
        return outcome
      },
      mark: () => port.mark(),
      revertTo: (mark) => port.revertTo(mark),
    }
  }

  /** Gives the answers again to who asks the same in the same order. */
  replaying(diverged: (what: string, nexus: string, reference: string) => never): CorePort {
    let next = 0
    return {
      has: (engine) => this.#port.has(engine),
      call: (call) => {
        const recorded = this.#calls[next++]
        const asked = recorded === undefined ? 'nothing' : shownCall(recorded.call)
        if (recorded === undefined || asked !== shownCall(call)) {
          diverged('engine call', asked, shownCall(call))
        }
        return recorded.outcome
      },
      mark: () => 0,
      revertTo: () => {},
    }
  }
}

export const coreThrough = (
  core: EvmBlockCore | undefined,
  record: CallRecord,
): EvmBlockCore | undefined => (core === undefined ? core : { ...core, port: record.recording })

export type ShadowWork = {
  readonly expected: {
    readonly body: Body
    readonly context: BlockContext
    readonly flat: FlatState
    readonly record: CallRecord | null
  }
  readonly decoded: readonly Decoded[]
  readonly core: EvmBlockCore | undefined
  readonly ancestorHash: (number: number) => Uint8Array | null
}

/** Runs the block again on the shadow, and throws `EVM_DIVERGED` if anything is different. */
export async function checkShadow(
  shadow: Engine,
  flat: FlatState,
  context: BlockContext,
  { expected, decoded, core, ancestorHash }: ShadowWork,
): Promise<void> {
  const block = context.environment.number
  const diverged =
    (transaction: string | null) => (what: string, nexus: string, reference: string) =>
      divergence({ block, transaction, what, nexus, reference })
  const port = expected.record?.replaying(diverged(null)) ?? null
  enter(shadow, flat, port)
  shadow.ancestors.hashOf = ancestorHash
  const replayed =
    core === undefined || port === null ? undefined : { ...core, port, afterSystem: async () => {} }
  const body = await runBody(shadow, context, decoded, replayed)
  const { body: ours } = expected
  for (const [i, transaction] of body.transactions.entries()) {
    const own = ours.transactions[i]
    const hash = toHex(transaction.hash)
    compare(diverged(hash), 'receipt', own === undefined ? '' : shown(own), shown(transaction))
  }
  const all = diverged(null)
  compare(all, 'transactions', summary(ours), summary(body))
  compare(all, 'fees', feesOf(expected.context), feesOf(context))
  compare(all, 'destroyed wei', String(expected.flat.destroyed), String(flat.destroyed))
  compareStates(all, expected.flat, flat)
}

type Diverged = (what: string, nexus: string, reference: string) => never

function compare(diverged: Diverged, what: string, nexus: string, reference: string): void {
  if (nexus !== reference) diverged(what, nexus, reference)
}

function divergence(detail: {
  readonly block: number
  readonly transaction: string | null
  readonly what: string
  readonly nexus: string
  readonly reference: string
}): never {
  const { block, transaction, what, nexus, reference } = detail
  const where = transaction === null ? `block ${block}` : `transaction 0x${transaction}`
  throw new NexusError(
    { code: 'EVM_DIVERGED', ...detail },
    {
      message: `the two EVMs disagree about ${where} (${what}): nexus ${nexus}, reference ${reference}; the node stops before it commits either. Keep its data and report this, and run with --evm reference meanwhile.`,
    },
  )
}

const shownCall = (call: CoreCall): string =>
  [
    call.engine,
    toHex(call.caller),
    call.value,
    toHex(call.data),
    call.isStatic,
    call.isDelegate,
    call.gasLimit,
  ].join(' ')

const shown = ({ hash, receipt }: ExecutedTransaction): string => {
  const { status, gasUsed, cumulativeGasUsed, effectiveGasPrice, logs } = receipt
  const events = logs.map(({ address, topics, data }) => [address, ...topics, data].map(toHex))
  return [toHex(hash), status, gasUsed, cumulativeGasUsed, effectiveGasPrice, events].join(' ')
}

const summary = ({ transactions, skipped, gasUsed }: Body): string =>
  [transactions.length, gasUsed, ...skipped.map(({ hash, code }) => `${toHex(hash)} ${code}`)].join(
    ' ',
  )

const feesOf = ({ totals }: BlockContext): string =>
  [totals.burned, totals.treasury, totals.proposer].join(' ')

/** Accounts and slots that are not as they were before the block. */
function compareStates(diverged: Diverged, nexus: FlatState, reference: FlatState): void {
  const [ours, theirs] = [changesOf(nexus), changesOf(reference)]
  for (const key of new Set([...ours.keys(), ...theirs.keys()])) {
    compare(
      diverged,
      `state of 0x${key}`,
      ours.get(key) ?? 'unchanged',
      theirs.get(key) ?? 'unchanged',
    )
  }
}

function changesOf(flat: FlatState): Map<string, string> {
  const changes = new Map<string, string>()
  for (const { address, account, base, ...entry } of flat.written.map(withSlots)) {
    const before = base.account
    const isSame =
      account === before ||
      (account !== null &&
        before !== null &&
        account.nonce === before.nonce &&
        account.balance === before.balance &&
        toHex(account.codeHash) === toHex(before.codeHash))
    const own =
      account === null
        ? 'deleted'
        : [account.nonce, account.balance, toHex(account.codeHash)].join(' ')
    if (!isSame || entry.slots.length > 0)
      changes.set(toHex(address), [own, ...entry.slots].join(' '))
  }
  return changes
}

const withSlots = (entry: FlatState['written'][number]) => ({
  address: entry.address,
  account: entry.account,
  base: entry.base,
  slots: [...entry.slots()]
    .filter(({ value, base }) => value !== base)
    .map(({ slot, value }) => `${BigInt(slot).toString(16)}=${BigInt(value).toString(16)}`)
    .sort(),
})
