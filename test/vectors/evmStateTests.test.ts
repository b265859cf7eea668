import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ExecutiveName } from '../../evm/executive.ts'
import { casesBelow, Engines, type Fork, runCase } from './evm/stateTest.ts'

type Report = {
  passed: number
  readonly failed: string[]
  /** By reason. */
  readonly skipped: Record<string, number>
}

/** Right, but they take a second or more of processor time each; run by hand with NEXUS_SLOW_VECTORS=1. */
const SLOW: Readonly<Record<ExecutiveName, readonly string[]>> = {
  nexus: [
    'stTimeConsuming/CALLBlake2f_MaxRounds.json',
    'stTimeConsuming/static_Call50000_sha256.json',
    'stQuadraticComplexityTest/Call50000_sha256.json',
    'stPreCompiledContracts2/CALLBlake2f.json',
    'stPreCompiledContracts2/CALLCODEBlake2f.json',
  ],
  reference: [
    'stTimeConsuming/CALLBlake2f_MaxRounds.json',
    'stTimeConsuming/static_Call50000_sha256.json',
    'stAttackTest/',
    'stQuadraticComplexityTest/Call50000_sha256.json',
    'stQuadraticComplexityTest/Return50000',
    'stPreCompiledContracts2/CALLBlake2f.json',
    'stPreCompiledContracts2/CALLCODEBlake2f.json',
    'stStaticCall/static_LoopCalls',
    'stStaticCall/static_Call50000',
    'stStaticCall/static_Call1MB1024Calldepth.json',
    'eip1153_tstore/run_until_out_of_gas.json',
  ],
}
const everything = process.env.NEXUS_SLOW_VECTORS === '1'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-vectors-'))
  for (const archive of ['general-state-tests', 'osaka-state-tests']) {
    const path = new URL(`./evm/${archive}.tar.xz`, import.meta.url).pathname
    execFileSync('tar', ['-xJf', path, '-C', folder])
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function runAll(executive: ExecutiveName, subfolder: string, fork: Fork): Promise<Report> {
  const engines = new Engines(executive)
  const isSlow = (name: string): boolean => SLOW[executive].some((part) => name.includes(part))
  const report: Report = { passed: 0, failed: [], skipped: {} }
  const skip = (reason: string): void => {
    report.skipped[reason] = (report.skipped[reason] ?? 0) + 1
  }
  for (const testCase of casesBelow(join(folder, subfolder), fork)) {
    if (!everything && isSlow(testCase.name)) {
      skip('slow')
      continue
    }
    const outcome = await runCase(engines, testCase)
    if (outcome.kind === 'passed') report.passed++
    else if (outcome.kind === 'failed') report.failed.push(`${testCase.name}: ${outcome.reason}`)
    else skip(outcome.reason)
  }
  return report
}

/** No case is lost without a reason. */
const CANCUN = {
  'blob transaction': 231,
  'memory that no block can pay for': 1,
  'nonce above 2^53': 26,
}
const CANCUN_COUNTS = {
  nexus: { passed: 8_531, skipped: { ...CANCUN, 'gas limit above 2^53': 20, slow: 93 } },
  reference: { passed: 8_510, skipped: { ...CANCUN, 'gas limit above 2^53': 19, slow: 115 } },
}

describe.each(['nexus', 'reference'] as const)('published state tests, %s', (executive) => {
  it('of Cancun', { timeout: 600_000 }, async () => {
    const report = await runAll(executive, 'tests/GeneralStateTests', 'cancun')
    expect(report.failed).toEqual([])
    if (!everything) expect(report).toMatchObject(CANCUN_COUNTS[executive])
  })

  it('of Prague', { timeout: 120_000 }, async () => {
    const { passed, failed, skipped } = await runAll(executive, 'est', 'prague')
    expect(failed).toEqual([])
    expect({ passed, ...skipped }).toEqual({ passed: 141, 'blob transaction': 1 })
  })

  it('of Osaka', { timeout: 120_000 }, async () => {
    const { passed, failed, skipped } = await runAll(executive, 'est', 'osaka')
    expect(failed).toEqual([])
    expect({ passed, ...skipped }).toEqual({ passed: 1_076, 'blob transaction': 12 })
  })
})
