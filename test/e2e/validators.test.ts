// Real processes: a node joins, one leaves, one changes its power, one its key, all by one signed
// envelope; the chain goes on, also when one of the first four dies.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { toHex } from '../../core/primitives/bytes.ts'
import { authorityAction, join, leave, rotate, setPower } from '../support/authorityChain.ts'
import { disposeAll } from '../support/devnet.ts'
import { keyNumber } from '../support/evmWorld.ts'
import { HomeNet } from '../support/homeNet.ts'
import { call } from '../support/jsonRpc.ts'
import { metricOf } from '../support/metrics.ts'
import { headOf } from '../support/sameChain.ts'
import { until } from '../support/wait.ts'

const CHAIN_ID = 3941
const ADMIN = keyNumber(1)
/** Grower, stayer, leaver, rotating, joiner, and the rotating one's new key. */
const [GROWS, STAYS, LEAVES, ROTATES, JOINS, NEW_KEY] = [0, 1, 2, 3, 4, 5] as const
const FIRST = [GROWS, STAYS, LEAVES, ROTATES]
const LAST = [GROWS, STAYS, JOINS, NEW_KEY]

let net: HomeNet
let changedAt: number

beforeAll(async () => {
  net = await HomeNet.create({
    chainId: CHAIN_ID,
    powers: [34, 29, 14, 14],
    others: 2,
    admin: ADMIN,
    blockTimeMs: 200,
  })
  for (const node of [...FIRST, JOINS]) net.start(node)
  await heights(2, [...FIRST, JOINS])
})
afterAll(disposeAll)

/** That many more blocks on each of the nodes. */
async function heights(blocks: number, nodes: readonly number[]): Promise<void> {
  for (const node of nodes) {
    let from = -1
    await until({ what: `${blocks} blocks on node ${node}`, timeoutMs: 30_000 }, async () => {
      expect(net.deaths()).toEqual([])
      const head = await headOf(net.url(node))
      if (from < 0) from = head
      return head >= from + blocks
    })
  }
}

type Shown = {
  readonly validators: readonly { readonly address: string; readonly power: number }[]
}

async function powersAt(node: number, height: number): Promise<Record<string, number>> {
  const shown = await call<Shown>(net.url(node), 'nexus_validators', [`0x${height.toString(16)}`])
  return Object.fromEntries(shown.validators.map(({ address, power }) => [address, power]))
}
const expected = (powers: readonly (readonly [number, number])[]): Record<string, number> =>
  Object.fromEntries(powers.map(([node, power]) => [net.addressOf(node), power]))
const before = () =>
  expected([
    [GROWS, 34],
    [STAYS, 29],
    [LEAVES, 14],
    [ROTATES, 14],
  ])
const after = () =>
  expected([
    [GROWS, 35],
    [STAYS, 29],
    [JOINS, 15],
    [NEW_KEY, 14],
  ])

async function signersOf(node: number, from: number, to: number): Promise<Set<string>> {
  const signers = new Set<string>()
  for (let height = from; height <= to; height++) {
    const certificate = await call<{ signatures: readonly { address: string }[] }>(
      net.url(node),
      'nexus_commitCertificate',
      [`0x${height.toString(16)}`],
    )
    for (const { address } of certificate.signatures) signers.add(address)
  }
  return signers
}
const addresses = (nodes: readonly number[]): Set<string> =>
  new Set(nodes.map((n) => net.addressOf(n)))

test('before it the joiner follows and does not vote', async () => {
  const head = await headOf(net.url(JOINS))
  expect(await powersAt(JOINS, head)).toEqual(before())
  expect(await signersOf(JOINS, 1, head)).toEqual(addresses(FIRST))
  expect(await metricOf(net.metricsUrl(JOINS), 'nexus_consensus_own_power')).toBe(0)
  expect(await metricOf(net.metricsUrl(JOINS), 'nexus_consensus_total_power')).toBe(91)
})

test('one envelope changes four things at once, from the height after the next on', async () => {
  const { bytes } = authorityAction(
    ADMIN,
    [
      join(net.publicKeyOf(JOINS), 15),
      leave(net.publicKeyOf(LEAVES)),
      setPower(net.publicKeyOf(GROWS), 35),
      rotate(net.publicKeyOf(ROTATES), net.publicKeyOf(NEW_KEY)),
    ],
    { chainId: CHAIN_ID, nonce: Date.now() },
  )
  const hash = await call<string>(net.url(STAYS), 'nexus_sendAction', [`0x${toHex(bytes)}`])
  const receipt = await call<{ height: number | string; calls: readonly { code: unknown }[] }>(
    net.url(STAYS),
    'nexus_waitForAction',
    [hash],
  )
  expect(receipt.calls.map(({ code }) => code ?? null)).toEqual([null, null, null, null])
  changedAt = Number(receipt.height)
  // The rotating validator's machine stops; the one with its new key takes over, from an empty home.
  await net.kill(ROTATES)
  net.start(NEW_KEY)
  await heights(4, [GROWS, STAYS, LEAVES, JOINS, NEW_KEY])
  for (const node of [GROWS, STAYS, LEAVES, JOINS, NEW_KEY]) {
    expect(await powersAt(node, changedAt)).toEqual(before())
    expect(await powersAt(node, changedAt + 1)).toEqual(before())
    expect(await powersAt(node, changedAt + 2)).toEqual(after())
  }
})

test('the new set votes, whoever left does not, nobody was restarted for it', async () => {
  await until({ what: 'votes of the whole new set', timeoutMs: 30_000 }, async () => {
    const head = await headOf(net.url(STAYS))
    const signers = await signersOf(STAYS, Math.max(changedAt + 2, head - 10), head)
    return [...addresses(LAST)].every((address) => signers.has(address))
  })
  const head = await headOf(net.url(STAYS))
  const since = await signersOf(STAYS, changedAt + 2, head)
  expect(since).toEqual(addresses(LAST))
  expect(await metricOf(net.metricsUrl(JOINS), 'nexus_consensus_own_power')).toBe(15)
  expect(await metricOf(net.metricsUrl(LEAVES), 'nexus_consensus_own_power')).toBe(0)
  expect(await metricOf(net.metricsUrl(GROWS), 'nexus_consensus_own_power')).toBe(35)
  for (const node of net.running)
    expect(await metricOf(net.metricsUrl(node), 'nexus_consensus_equivocations_total')).toBe(0)
})

test('one of the first four dies, and the chain goes on with those who came', async () => {
  const head = await headOf(net.url(STAYS))
  await net.kill(STAYS)
  // 64 of 93 are left, and every one of them is needed.
  await heights(5, [GROWS, LEAVES, JOINS, NEW_KEY])
  const reached = await headOf(net.url(GROWS))
  const signers = await signersOf(GROWS, head + 2, reached)
  expect(signers).toEqual(addresses([GROWS, JOINS, NEW_KEY]))
  for (const node of [LEAVES, JOINS, NEW_KEY]) {
    const at = [`0x${head.toString(16)}`, false]
    expect(await call(net.url(node), 'eth_getBlockByNumber', at)).toEqual(
      await call(net.url(GROWS), 'eth_getBlockByNumber', at),
    )
  }
  expect(net.deaths()).toEqual([])
  await net.stop()
})
