import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engines } from './evm/stateTest.ts'
import { filesBelow, runFile, summed, type Tally, unpack } from './evm/suite.ts'

let folder = ''
beforeAll(() => {
  folder = unpack()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `npm run vectors -- evm` runs the slow ones too. */
async function runAll(engines: Engines, fork: string): Promise<Tally | undefined> {
  const tallies: Tally[] = []
  for (const file of filesBelow(folder)) {
    tallies.push(...(await runFile(engines, file, { fork, isQuick: true })))
  }
  return summed(tallies)[0]
}

/** No case is lost without a reason. */
const CANCUN = {
  'blob transaction': 231,
  'more memory than a block can pay for': 1,
  'nonce above 2^53': 26,
}
const CANCUN_COUNTS = {
  nexus: { passed: 8_621, skipped: { ...CANCUN, 'gas limit above 2^53': 20, slow: 3 } },
  reference: {
    passed: 8_510,
    skipped: {
      ...CANCUN,
      '2^32 rounds of BLAKE2 in JavaScript take 25 minutes': 1,
      'gas limit above 2^53': 19,
      slow: 114,
    },
  },
}

describe.each(['nexus', 'reference'] as const)('published state tests, %s', (executive) => {
  const engines = new Engines(executive)

  it('of Cancun', { timeout: 600_000 }, async () => {
    const tally = await runAll(engines, 'Cancun')
    expect(tally).toEqual({ fork: 'Cancun', executive, failed: [], ...CANCUN_COUNTS[executive] })
  })

  it('of Prague', { timeout: 120_000 }, async () => {
    const tally = await runAll(engines, 'Prague')
    expect(tally).toMatchObject({ passed: 141, failed: [], skipped: { 'blob transaction': 1 } })
  })

  it('of Osaka', { timeout: 120_000 }, async () => {
    const tally = await runAll(engines, 'Osaka')
    expect(tally).toMatchObject({ passed: 1_076, failed: [], skipped: { 'blob transaction': 12 } })
  })
})
