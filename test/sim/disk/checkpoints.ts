import { rmSync } from 'node:fs'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { NexusError } from '../../../core/primitives/errors.ts'
import { engineAddress } from '../../../evm/index.ts'
import { devnetCore } from '../../../node/devnet/core.ts'
import type { OpenDatabase } from '../../../node/storage/database.ts'
import { columnOf } from '../../../node/storage/schema.ts'
import { callOf, signedAction } from '../../support/chainActions.ts'
import { keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { Prng } from '../core/prng.ts'
import { emptyTally, type Tally } from './enumerate.ts'
import type { PowerCut } from './sectors.ts'
import { type Fault, type Moment, VirtualDisk } from './virtualDisk.ts'

// The executor with both machines on a database that loses power or fails: whatever is left, the
// restart must come to the state that an undisturbed chain has at that height, or refuse.

const EVERY_BLOCKS = 3
const [maker, taker] = [keyNumber(1), keyNumber(2)] as const
const DEPOSIT_NATIVE = fromHex('db6b5246')

type End = {
  readonly name: string
  readonly moment: Moment | Fault
  readonly fate: PowerCut | 'kill'
}

const ENDS: readonly End[] = [
  { name: 'before', moment: 'before', fate: 'none' },
  { name: 'during, lost', moment: 'during', fate: 'none' },
  { name: 'during, written', moment: 'during', fate: 'all' },
  { name: 'after', moment: 'after', fate: 'none' },
  { name: 'full disk', moment: 'ENOSPC', fate: 'kill' },
  { name: 'failing fsync', moment: 'fsync', fate: 'none' },
]

/** A crash and a fault at every commit of a chain of `heights` blocks, with a checkpoint every three. */
export async function enumerateCheckpointCrashes(
  heights: number,
  tally = emptyTally(),
): Promise<Tally> {
  const roots = await undisturbedRoots(heights)
  // The genesis is the first operation.
  for (let index = 0; index <= heights; index++)
    for (const end of ENDS) {
      tally.points++
      await attempt(tally, `two machines, ${end.name} at height ${index}`, async () => {
        const disk = newDisk(index)
        tally.crashes++
        const committed = await runInto(disk, end, { index, heights })
        disk.restart(end.fate)
        return finish(disk, { heights, roots, atLeast: committed })
      })
    }
  return tally
}

/** One bit of each record of the database flips while the node is off. */
export async function enumerateStateRot(heights: number, tally = emptyTally()): Promise<Tally> {
  const roots = await undisturbedRoots(heights)
  const disk = newDisk(1)
  const chain = await open(disk)
  for (let height = 1; height < heights; height++) await busyBlock(chain)
  discard(chain)
  const prng = new Prng(7)
  for (const { key, value } of disk.durableRecords(PATH)) {
    tally.points++
    const [offset, bit] = [prng.range(0, value.length - 1), prng.range(0, 7)]
    await attempt(tally, `two machines, rot in ${columnOf(key)}`, async () => {
      disk.restart('kill')
      disk.rotRecord(PATH, key, offset, bit)
      try {
        return await finish(disk, { heights: heights - 1, roots, atLeast: heights - 1 })
      } finally {
        disk.rotRecord(PATH, key, offset, bit)
      }
    })
  }
  return tally
}

async function attempt(tally: Tally, name: string, run: () => Promise<string>): Promise<void> {
  tally.cases++
  try {
    const outcome = await run()
    tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1)
  } catch (error) {
    tally.failures.push({ name, message: String(error) })
  }
}

const PATH = '/db'

function newDisk(seed: number): VirtualDisk {
  const prng = new Prng(seed)
  return new VirtualDisk({ random: (bound) => prng.u32() % bound })
}

function open(disk: VirtualDisk): Promise<RealChain> {
  const onDisk: OpenDatabase = (_, options) => disk.openDatabase(PATH, options)
  return RealChain.create([maker, taker], {
    core: devnetCore([maker.address, taker.address]),
    historyBlocks: 2,
    surroundings: { open: onDisk, checkpoints: { everyBlocks: EVERY_BLOCKS } },
  })
}

/** The process is dead, or as good as: its database is not closed. */
const discard = (chain: RealChain): void => rmSync(chain.directory, { recursive: true })

async function undisturbedRoots(heights: number): Promise<string[]> {
  const chain = await open(newDisk(0))
  const roots = [rootOf(chain)]
  for (let height = 1; height <= heights; height++) {
    await busyBlock(chain)
    roots.push(rootOf(chain))
  }
  discard(chain)
  return roots
}

const rootOf = ({ head }: RealChain): string => toHex(head.summary.stateRoot)

/** Runs until the disk ends it; the height that was durable for sure. */
async function runInto(
  disk: VirtualDisk,
  end: End,
  { index, heights }: { readonly index: number; readonly heights: number },
): Promise<number> {
  const { moment } = end
  if (moment === 'before' || moment === 'during' || moment === 'after') disk.crashAt(index, moment)
  else disk.faultOn = (operation) => (operation.index === index ? moment : null)
  let committed = 0
  const off = new Promise<'off'>((resolve) => {
    disk.onPowerCut = () => resolve('off')
  })
  const live = async (): Promise<'ended'> => {
    const chain = await open(disk)
    try {
      for (let height = 1; height <= heights; height++) {
        await busyBlock(chain)
        committed = height
      }
    } finally {
      discard(chain)
    }
    return 'ended'
  }
  const ended = await Promise.race([off, live().catch(codeOf)])
  const expected =
    end.name === 'full disk' || end.name === 'failing fsync' ? 'STORAGE_WRITE' : 'off'
  if (ended !== expected) throw new Error(`it went ${ended}, not ${expected}`)
  return committed
}

type Expected = {
  readonly heights: number
  readonly roots: readonly string[]
  readonly atLeast: number
}

/** Opens what is left and goes on to the end, with the same root at every height. */
async function finish(disk: VirtualDisk, { heights, roots, atLeast }: Expected): Promise<string> {
  let chain: RealChain
  try {
    chain = await open(disk)
  } catch (error) {
    return `refused ${codeOf(error)}`
  }
  try {
    const start = chain.head.summary.height
    if (start < atLeast) throw new Error(`${atLeast} was durable, now ${start}`)
    for (let height = start; ; height++) {
      if (rootOf(chain) !== roots[height]) throw new Error(`another state at ${height}`)
      if (height === heights) return 'agreed'
      await busyBlock(chain)
    }
  } finally {
    discard(chain)
  }
}

function codeOf(error: unknown): string {
  if (error instanceof NexusError) return String(error.detail.code)
  throw error
}

/** A market and a bridge at work: the same block at a height whoever makes it. */
async function busyBlock(chain: RealChain): Promise<void> {
  const height = chain.head.summary.height + 1
  const price = 60_000 + (height % 50)
  const at = chain.head.summary.time + height
  const order = (side: 'buy' | 'sell') =>
    callOf('exchange', 'placeOrder', { ...ORDER, side, price })
  const deposit = (asset: number, amount: number) =>
    callOf('ledger', 'depositTo', { engine: 2, asset, amount })
  const actions = [
    signedAction(maker, at, [deposit(2, 10_000), order('sell')]),
    signedAction(taker, at, [deposit(0, 10_000_000_000), order('buy')]),
  ]
  const value = 5n * 10n ** 18n
  const bridge = { to: engineAddress(1), value, gasLimit: 200_000, data: DEPOSIT_NATIVE }
  const transfer = { to: new Uint8Array(20).fill(height), value: 1n }
  const nonce = height - 1
  const transaction = signTransaction({ nonce, ...(height % 2 === 0 ? bridge : transfer) }, maker)
  const { included, actions: done } = await chain.block([transaction], actions)
  const isDone = included.length === 1 && done.every(({ code }) => code === null)
  if (!isDone) throw new Error(`block ${height} did not do its work`)
}

const ORDER = {
  market: 0,
  size: 4,
  timeInForce: 'GTC',
  expiry: 0,
  clientId: 0n,
  selfTrade: 'cancelMaker',
}
