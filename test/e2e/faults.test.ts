// Validators die by SIGKILL under load and come back; nothing accepted is lost, nobody signs twice.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificateFaults, equivocationsOf, signersBetween } from '../support/certificates.ts'
import { accountOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { HeightWatch } from '../support/heights.ts'
import { call } from '../support/jsonRpc.ts'
import { Load } from '../support/load.ts'
import { faultsOf, headOf, readChain } from '../support/sameChain.ts'
import { sleep, until } from '../support/wait.ts'

const VALIDATORS = 4
/** Rounds of a dead proposer cost a timeout each; on a busy two-core machine much more than alone. */
const LONGEST_GAP_MS = 8_000
const STANDSTILL_MS = 3_500

const indexes = Array.from({ length: VALIDATORS }, (_, i) => i)
let devnet: Devnet
let load: Load
let watch: HeightWatch

beforeAll(async () => {
  devnet = await Devnet.start({ validators: VALIDATORS })
  const urls = indexes.map(urlOf)
  load = new Load(
    urls,
    indexes.flatMap((i) => [accountOf(devnet.report, i), accountOf(devnet.report, i + 4)]),
  )
  watch = new HeightWatch(urls)
})
afterAll(disposeAll)

function urlOf(node: number): string {
  return devnet.validator(node).rpc
}

async function growth(blocks: number, node: number): Promise<void> {
  const from = await headOf(urlOf(node))
  await until(
    { what: `${blocks} more blocks on node ${node}`, timeoutMs: 30_000 },
    async () => (await headOf(urlOf(node))) >= from + blocks,
  )
}

/** Kills in the middle of whatever the load makes the validator do. */
async function crash(node: number): Promise<void> {
  load.down(node)
  await devnet.kill(node)
}

/** Starts a killed validator alone and waits until it has every block that the others had by then. */
async function rejoin(node: number): Promise<void> {
  const target = watch.height
  const started = devnet.startValidator(node)
  await until(
    { what: `validator ${node} to catch up to ${target}`, timeoutMs: 60_000 },
    async () => {
      if (started.exit !== null) throw new Error(`it ended: ${started.output}`)
      const isSyncing = (await call(urlOf(node), 'eth_syncing')) !== false
      return !isSyncing && (await headOf(urlOf(node))) >= target
    },
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${started.output}`, { cause: error.cause })
  })
  load.up(node)
}

test('one validator dies, the chain goes on, it returns and catches up', async () => {
  await growth(10, 0)
  watch.takeLongestGapMs()
  await crash(1)
  await growth(15, 0)
  expect(watch.takeLongestGapMs()).toBeLessThan(LONGEST_GAP_MS)
  await rejoin(1)
  await growth(10, 1)
})

test('then another', async () => {
  watch.takeLongestGapMs()
  await crash(2)
  await growth(15, 1)
  await rejoin(2)
  await growth(10, 2)
  expect(watch.takeLongestGapMs()).toBeLessThan(LONGEST_GAP_MS)
})

test('with two of four down the chain waits, and resumes when one returns', async () => {
  await crash(0)
  await crash(3)
  // What was under way when they died may still complete.
  await sleep(1_000)
  const heights = await Promise.all([1, 2].map((node) => headOf(urlOf(node))))
  await sleep(STANDSTILL_MS)
  expect(await Promise.all([1, 2].map((node) => headOf(urlOf(node))))).toEqual(heights)
  await rejoin(0)
  await growth(10, 1)
  await rejoin(3)
  await growth(10, 3)
})

test('every accepted transaction is final on every node, nothing differs between them', async () => {
  await load.stop()
  expect(load.refusals).toEqual([])
  expect(load.sent.length).toBeGreaterThan(100)
  expect(
    load.sent.every(({ hash }, i) => load.sent.findIndex((sent) => sent.hash === hash) === i),
  ).toBe(true)
  const head = Math.min(...(await Promise.all(indexes.map((node) => headOf(urlOf(node))))))
  await until({ what: 'all nodes to have the last transaction' }, async () =>
    (await Promise.all(indexes.map((node) => headOf(urlOf(node))))).every(
      (height) => height >= head,
    ),
  )
  const reference = await readChain(urlOf(0), 0, head)
  const included = new Set(
    reference.flatMap(({ receipts }) => receipts.map(({ transactionHash }) => transactionHash)),
  )
  expect(load.sent.filter(({ hash }) => !included.has(hash))).toEqual([])
  expect(await faultsOf(reference)).toEqual([])
  for (const node of indexes.slice(1)) {
    const chain = await readChain(urlOf(node), 0, head)
    for (const [height, told] of chain.entries())
      expect(told, `block ${height} of node ${node}`).toEqual(reference[height])
  }
})

test('nobody signed twice: certificates of all nodes agree and no equivocation was seen', async () => {
  const head = Math.min(...(await Promise.all(indexes.map((node) => headOf(urlOf(node))))))
  expect(await certificateFaults(devnet.report, 1, head)).toEqual([])
  expect(
    await Promise.all(indexes.map((node) => equivocationsOf(devnet.validator(node).metrics))),
  ).toEqual([0, 0, 0, 0])
})

test('everybody who came back votes again', async () => {
  const head = await headOf(urlOf(0))
  const signers = await signersBetween(devnet.report, Math.max(1, head - 40), head)
  expect(signers).toEqual(
    new Set(devnet.report.validators.map(({ address }) => address.toLowerCase())),
  )
})

test('kill -9 of everything at once, and the same chain goes on', async () => {
  const head = await headOf(urlOf(0))
  const before = await readChain(urlOf(0), 0, head)
  const sender = walletOf(urlOf(2), accountOf(devnet.report, 9))
  const hash = await sender.sendTransaction({ to: sender.account.address, value: 1n })
  await sender.waitForTransactionReceipt({ hash })
  await watch.stop()
  await devnet.killAll()
  devnet = await Devnet.start({ validators: VALIDATORS, data: devnet.data, ports: devnet.ports })
  expect(await readChain(urlOf(3), 0, head)).toEqual(before)
  const receipts = await Promise.all(
    indexes.map((node) => walletOf(urlOf(node), sender.account).getTransactionReceipt({ hash })),
  )
  expect(new Set(receipts.map(({ blockHash }) => blockHash)).size).toBe(1)
  await growth(3, 0)
  expect((await headOf(urlOf(1))) > head).toBe(true)
})
