// A validator whose data is lost, or restored from an old copy, does not sign what it may have signed.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { equivocationsOf, signersBetween } from '../support/certificates.ts'
import { Devnet, disposeAll } from '../support/devnet.ts'
import { call } from '../support/jsonRpc.ts'
import { headOf } from '../support/sameChain.ts'
import { until } from '../support/wait.ts'

/** All there are, however long a validator takes to start and to sync on a busy machine. */
const ALL_HEIGHTS = 10_000
/** So few that the chain has soon gone on without the validator. */
const FEW_HEIGHTS = 5
const LOSER = 3
let devnet: Devnet

const urlOf = (node: number): string => devnet.validator(node).rpc
const dataOf = (): string => path.join(devnet.validator(LOSER).home, 'data')

const growth = async (blocks: number): Promise<void> => {
  const from = await headOf(urlOf(0))
  await until(
    { what: `${blocks} more blocks`, timeoutMs: 120_000 },
    async () => (await headOf(urlOf(0))) >= from + blocks,
  )
}

function searches(doubleSignCheckHeights: number): void {
  const config = path.join(devnet.validator(LOSER).home, 'config.json')
  const values = JSON.parse(fs.readFileSync(config, 'utf8'))
  fs.writeFileSync(config, JSON.stringify({ ...values, signing: { doubleSignCheckHeights } }))
}

/** Starts the validator, which must refuse, since its own signatures are in the newest blocks. */
async function refuses(): Promise<void> {
  searches(ALL_HEIGHTS)
  const started = devnet.startValidator(LOSER)
  const exit = await until({ what: 'the refusal', timeoutMs: 60_000 }, () => started.exit)
  expect(exit.code, started.output).toBe(1)
  expect(started.output).toContain('DOUBLE_SIGN_RISK')
  expect(started.output).not.toContain('Signing starts')
}

/** After the chain has gone on without it for longer than it searches. */
async function isTakenBack(): Promise<void> {
  await growth(FEW_HEIGHTS + 3)
  searches(FEW_HEIGHTS)
  await votesAgain()
}

async function votesAgain(): Promise<void> {
  const started = devnet.startValidator(LOSER)
  const from = await headOf(urlOf(0))
  const { address } = devnet.validator(LOSER)
  await until({ what: 'its votes', timeoutMs: 60_000, everyMs: 500 }, async () => {
    if (started.exit !== null) throw new Error(started.output)
    const head = await headOf(urlOf(0))
    return (
      head > from && (await signersBetween(devnet.report, from, head)).has(address.toLowerCase())
    )
  })
}

beforeAll(async () => {
  devnet = await Devnet.start({ validators: 4, args: ['--block-time', '100ms'] })
  await growth(15)
})
afterAll(disposeAll)

test('an ordinary restart goes on voting', async () => {
  await devnet.kill(LOSER)
  await votesAgain()
})

test('data restored from an old copy is refused, and accepted when the chain has gone on without it', async () => {
  await devnet.kill(LOSER)
  const copy = `${dataOf()}.copy`
  fs.cpSync(dataOf(), copy, { recursive: true })
  await votesAgain()
  await growth(8)
  await devnet.kill(LOSER)
  fs.rmSync(dataOf(), { recursive: true })
  fs.renameSync(copy, dataOf())
  await refuses()
  await isTakenBack()
})

test('so is an empty directory where data was', async () => {
  await growth(3)
  await devnet.kill(LOSER)
  fs.rmSync(dataOf(), { recursive: true })
  await refuses()
  await isTakenBack()
})

test('a lost last-signed state alone is refused for good', async () => {
  await devnet.kill(LOSER)
  fs.rmSync(path.join(dataOf(), 'last-signed'))
  const started = devnet.startValidator(LOSER)
  const exit = await until({ what: 'the refusal', timeoutMs: 40_000 }, () => started.exit)
  expect(exit.code).toBe(1)
  expect(started.output).toContain('LAST_SIGNED_MISSING')
})

test('nobody signed twice', async () => {
  const head = Math.min(...(await Promise.all([0, 1, 2].map((node) => headOf(urlOf(node))))))
  // The fourth validator is down; its signatures are in the certificates of the others.
  for (let height = 1; height <= head; height++) {
    const ids = await Promise.all(
      [0, 1, 2].map(async (node) => {
        const block = await call(urlOf(node), 'eth_getBlockByNumber', [
          `0x${height.toString(16)}`,
          false,
        ])
        return (block as { hash: string }).hash
      }),
    )
    expect(new Set(ids).size, `block ${height}`).toBe(1)
  }
  const seen = [0, 1, 2].map((node) => equivocationsOf(devnet.validator(node).metrics))
  expect(await Promise.all(seen)).toEqual([0, 0, 0])
})
