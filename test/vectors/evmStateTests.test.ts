import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { casesBelow, Engines, type Fork, runCase } from './evm/stateTest.ts'

type Report = {
  passed: number
  readonly failed: string[]
  /** By reason. */
  readonly skipped: Record<string, number>
}

/** Right, but they take a second or more of processor time each; run by hand with NEXUS_SLOW_VECTORS=1. */
const SLOW = [
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
]
const isSlow = (name: string): boolean => SLOW.some((part) => name.includes(part))
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

async function runAll(subfolder: string, fork: Fork): Promise<Report> {
  const engines = new Engines()
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

describe('published state tests', () => {
  it('of Cancun', { timeout: 600_000 }, async () => {
    const { passed, failed, skipped } = await runAll('tests/GeneralStateTests', 'cancun')
    expect(failed).toEqual([])
    // No case is lost without a reason.
    expect({ passed, ...skipped }).toMatchInlineSnapshot(`
      {
        "blob transaction": 231,
        "gas limit above 2^53": 19,
        "memory that no block can pay for": 1,
        "nonce above 2^53": 26,
        "passed": 8510,
        "slow": 115,
      }
    `)
  })

  it('of Prague', { timeout: 120_000 }, async () => {
    const { passed, failed, skipped } = await runAll('est', 'prague')
    expect(failed).toEqual([])
    expect({ passed, ...skipped }).toMatchInlineSnapshot(`
      {
        "blob transaction": 1,
        "passed": 141,
      }
    `)
  })
})
