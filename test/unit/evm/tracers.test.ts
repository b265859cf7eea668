// What tracers are told, held against the steps that @ethereumjs/evm emits, and against the state itself.
import { beforeAll, describe, expect, it } from 'vitest'
import type { CallTrace, StructLog } from '../../../core/chain/trace.ts'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import type { Engine } from '../../../evm/engine.ts'
import { EngineGate } from '../../../evm/engineGate.ts'
import { createCommon } from '../../../evm/interpreter/common.ts'
import { NexusEvm } from '../../../evm/interpreter/nexusEvm.ts'
import { executiveOf } from '../../../evm/interpreter/referenceExecutive.ts'
import { NexusStateManager } from '../../../evm/state/stateManager.ts'
import type { Tracer } from '../../../evm/tracer.ts'
import { createCallTracer } from '../../../evm/tracers/callTracer.ts'
import { createStructLogger } from '../../../evm/tracers/structLogger.ts'
import {
  TraceBudget,
  type TracedState,
  TraceTooLarge,
} from '../../../evm/tracers/transactionTracer.ts'
import { Random } from '../../sim/random.ts'
import { createExecutive, messageOf, observe, type Start } from '../../support/evm/executives.ts'
import { CONTRACTS, program } from '../../support/evm/programs.ts'
import { CHAIN_ID, word } from '../../support/evmWorld.ts'

const SENDER = word(0x5e4de6).slice(12)
const RUNS = Number(process.env.NEXUS_FUZZ_RUNS ?? 40)
const SILENT: TracedState = {
  account: () => null,
  code: () => new Uint8Array(0),
  slot: () => new Uint8Array(0),
}
const budget = () => new TraceBudget(1 << 28)
const EVERYTHING = {
  ...{ enableMemory: true, disableStack: false, disableStorage: true, enableReturnData: true },
  limit: 0,
}
const transaction = (gasLimit: number) => ({
  ...{ sender: SENDER, to: CONTRACTS[0] as Uint8Array, isCreation: false, paid: [], gasLimit },
  authorities: [],
})

type Step = {
  readonly pc: number
  readonly op: string
  readonly gas: number
  readonly depth: number
  readonly stack: string
  readonly memory: string
}
type Library = { readonly engine: Engine; readonly steps: (Step & { readonly cost: number })[] }

/** The library alone, every opcode its own. Its own memory may end in words that the EVM does not have yet. */
async function library(): Promise<Library> {
  const engine = await createExecutive('reference', 'prague')
  const gate = new EngineGate()
  const manager = new NexusStateManager(engine.flat)
  const evm = new NexusEvm({
    ...{ common: createCommon(CHAIN_ID, 'prague'), stateManager: manager },
    ...{ guard: { shouldStop: null }, gate },
    ancestorHash: (number) => engine.ancestors.hashOf(number),
  })
  const steps: Library['steps'] = []
  evm.events.on('step', (step, resolve) => {
    steps.push({
      pc: step.pc,
      op: step.opcode.name,
      gas: Number(step.gasLeft),
      cost: Number(step.opcode.dynamicFee ?? 0n),
      depth: step.depth + 1,
      stack: step.stack.map(String).join(),
      memory: toHex(step.memory.slice(0, Number(step.memoryWordCount) * 32)),
    })
    resolve?.()
  })
  return { engine: { ...engine, executive: executiveOf(evm, manager, gate) }, steps }
}

const stepOf = ({ pc, op, gas, depth, stack, memory }: StructLog): Step => ({
  ...{ pc, op: op.includes('not defined') ? 'INVALID' : op, gas, depth },
  stack: (stack ?? []).map(String).join(),
  memory: toHex(memory ?? new Uint8Array(0)),
})

function scenarioOf(seed: number) {
  const random = new Random(seed)
  const start: Start = [
    { address: SENDER, balance: 1_000_000n, nonce: 1 },
    ...CONTRACTS.map((address) => ({
      ...{ address, code: program(random, random.range(1, 12)), nonce: 1 },
      balance: BigInt(random.range(0, 3) * 100),
      slots: [[random.range(0, 4), BigInt(random.range(1, 9))]] as const,
    })),
  ]
  const gasLimit = random.range(20_000, 400_000)
  const message = messageOf({
    ...{ sender: SENDER, to: CONTRACTS[0] as Uint8Array, gasLimit },
    data: random.bytes(random.range(0, 80)),
  })
  return { start, message }
}

/** Opcodes whose price in geth's words is more than the library's event says: what callees are given. */
const CALLS = new Set(['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL', 'CREATE', 'CREATE2'])
const ENDS = new Set(['RETURN', 'REVERT', 'STOP', 'INVALID', 'SELFDESTRUCT'])

describe('the struct logger', () => {
  let nexus: Engine
  let twin: Library
  beforeAll(async () => {
    nexus = await createExecutive('nexus', 'prague')
    twin = await library()
  })

  it('tells the steps of the library for random programs', async () => {
    let told = 0
    for (let seed = 1; seed <= RUNS; seed++) {
      const { start, message } = scenarioOf(seed)
      const logger = createStructLogger(EVERYTHING, budget())
      logger.start(transaction(message.gasLimit), SILENT)
      const expected = await observe(nexus, start, message)
      expect(await observe(nexus, start, message, logger.tracer), `seed ${seed}`).toEqual(expected)
      const { structLogs } = logger.end({ gasUsed: 0, error: null, returnData: new Uint8Array(0) })
      twin.steps.length = 0
      await observe(twin.engine, start, message)
      // Code that comes to its end stops; geth shows it, the library does not.
      const logs = structLogs.filter(({ op }) => op !== 'STOP')
      const steps = twin.steps.filter(({ op }) => op !== 'STOP')
      const ours = logs.map(stepOf)
      const theirs = steps.map(({ cost: _, ...step }) => ({
        ...step,
        op: step.op === 'PREVRANDAO' ? 'DIFFICULTY' : step.op,
      }))
      expect(ours, `seed ${seed}`).toEqual(theirs)
      for (const [index, log] of logs.entries()) {
        const next = logs[index + 1]
        const isPlain = !CALLS.has(log.op) && !ENDS.has(log.op) && log.error === null
        if (isPlain && next?.depth === log.depth)
          expect(log.gasCost, `seed ${seed} step ${index}`).toBe(steps[index]?.cost)
      }
      told += ours.length
    }
    expect(told).toBeGreaterThan(20 * RUNS)
  }, 120_000)
})

/** The steps of one program at the first contract's address. */
async function stepsOf(code: string, gasLimit = 200_000): Promise<readonly StructLog[]> {
  const nexus = await createExecutive('nexus', 'prague')
  const [to = SENDER] = CONTRACTS
  const start: Start = [
    { address: to, code: fromHex(code), balance: 5n, nonce: 1, slots: [[1, 7n]] },
  ]
  const logger = createStructLogger(EVERYTHING, budget())
  logger.start(transaction(gasLimit), SILENT)
  await observe(nexus, start, messageOf({ sender: SENDER, to, gasLimit }), logger.tracer)
  return logger.end({ gasUsed: 0, error: null, returnData: new Uint8Array(0) }).structLogs
}

describe('as geth tells it,', () => {
  it('a creation costs what it costs without what it gives away', async () => {
    const steps = await stepsOf('5f5f5ff000')
    expect(steps[3]).toMatchObject({ op: 'CREATE', gasCost: 32_000 })
    expect(steps[4]).toMatchObject({ op: 'STOP', gasCost: 0 })
  })

  it('a call costs what it gives away too', async () => {
    const to = toHex(CONTRACTS[1] as Uint8Array)
    const steps = await stepsOf(`5f5f5f5f5f73${to}61100af100`)
    expect(steps[7]).toMatchObject({ op: 'CALL', gasCost: 2_600 + 0x100a })
  })

  it('a store that frees a slot shows the refund it brings', async () => {
    const steps = await stepsOf('5f60015500')
    expect(steps.map(({ op, refund }) => [op, refund])).toEqual([
      ['PUSH0', 0],
      ['PUSH1', 0],
      ['SSTORE', 4_800],
      ['STOP', 4_800],
    ])
  })

  it.each([
    ['01', 'ADD', 'stack underflow (0 <=> 2)', 3],
    ['31', 'BALANCE', 'stack underflow (0 <=> 1)', 100],
    ['620fffff51', 'MLOAD', 'out of gas', null],
    ['5f56', 'JUMP', null, 8],
    ['fe', 'INVALID', null, 0],
    ['0c', 'opcode 0xc not defined', null, 0],
  ])('%s ends in %s: %s', async (code, op, error, cost) => {
    const last = (await stepsOf(code, 60_000)).at(-1)
    expect(last).toMatchObject({ op, error })
    if (cost !== null) expect(last?.gasCost).toBe(cost)
  })
})

describe('callTracer', () => {
  it('has the gas of every frame add up, for random programs', async () => {
    const nexus = await createExecutive('nexus', 'prague')
    let frames = 0
    for (let seed = 1; seed <= RUNS; seed++) {
      const { start, message } = scenarioOf(seed)
      const calls = createCallTracer({ onlyTopCall: false, withLog: true }, budget())
      calls.start(transaction(message.gasLimit), SILENT)
      const seen = (await observe(nexus, start, message, calls.tracer)) as {
        readonly gasSpent: number
        readonly logs: readonly unknown[]
        readonly error: string | null
      }
      const { gasSpent: gasUsed } = seen
      const top = calls.end({ gasUsed, error: seen.error, returnData: new Uint8Array(0) })
      const check = (frame: CallTrace): number => {
        frames++
        const inner = frame.calls.reduce((sum, call) => sum + call.gasUsed, 0)
        // A call that moves value is given 2,300 that its caller does not pay for.
        const given = 2_300 * frame.calls.filter(({ value }) => (value ?? 0n) > 0n).length
        expect(inner, `seed ${seed}`).toBeLessThanOrEqual(frame.gasUsed + given)
        return frame.calls.reduce((sum, call) => sum + check(call), frame.logs.length)
      }
      expect(check(top), `seed ${seed}`).toBe(seen.logs.length)
    }
    expect(frames).toBeGreaterThan(2 * RUNS)
  }, 60_000)
})

/** The frame of a contract's call, and those in it. */
async function callsOf(code: string, gasLimit = 200_000): Promise<CallTrace> {
  const nexus = await createExecutive('nexus', 'prague')
  const [to = SENDER] = CONTRACTS
  const start: Start = [{ address: to, code: fromHex(code), balance: 5n, nonce: 1 }]
  const calls = createCallTracer({ onlyTopCall: false, withLog: false }, budget())
  calls.start(transaction(gasLimit), SILENT)
  await observe(nexus, start, messageOf({ sender: SENDER, to, gasLimit }), calls.tracer)
  return calls.end({ gasUsed: 0, error: null, returnData: new Uint8Array(0) })
}

/** Code that creates a contract of at most 32 bytes of initcode. */
const created = (initcode: string): string =>
  `7f${initcode.padEnd(64, '0')}5f5260${toHex(Uint8Array.of(initcode.length / 2))}5f5ff000`

describe('callTracer has the words of geth (core/vm/errors.go)', () => {
  it.each([
    ['01', 'stack underflow (0 <=> 2)'],
    ['5f5ff1', 'stack underflow (2 <=> 7)'],
    ['5b5f600056', 'stack limit reached 1024 (1023)'],
    ['fe', 'invalid opcode: INVALID'],
    ['0c', 'invalid opcode: opcode 0xc not defined'],
    ['1e', 'invalid opcode: CLZ'],
    ['e6', 'invalid opcode: DUPN'],
    ['5f56', 'invalid jump destination'],
    ['620fffff51', 'out of gas'],
    ['60015f5f3e', 'return data out of bounds'],
    ['5f5ffd', 'execution reverted'],
    // 48 KiB and one byte of initcode.
    ['6200c0015f5ff0', 'out of gas: max initcode size exceeded: code size 49153 limit 49152'],
  ])('%s: %s', async (code, error) => {
    expect(await callsOf(code)).toMatchObject({ error })
  })

  it('for a store that the sentry stops', async () => {
    const { error } = await callsOf('60015f55', 2_305)
    expect(error).toBe('out of gas: not enough gas for reentrancy sentry')
  })

  it.each([
    ['60ef5f5360015ff3', 'invalid code: must not begin with 0xef'],
    ['6160015ff3', 'max code size exceeded'],
    ['6160005ff3', 'contract creation code storage out of gas', 4_000_000],
    ['01', 'stack underflow (0 <=> 2)'],
  ])('for initcode %s: %s', async (initcode, error, gasLimit = 10_000_000) => {
    const { calls, error: own } = await callsOf(created(initcode), gasLimit)
    expect(own).toBeNull()
    expect(calls).toMatchObject([{ kind: 'CREATE', to: null, error }])
  })

  it('tells of a frame that failed nothing of one that failed in it', async () => {
    // A call of itself with 100 gas runs out; then INVALID.
    const code = '5f5f5f5f5f3060645af1500c'
    const { error } = await callsOf(code)
    expect(error).toBe('invalid opcode: opcode 0xc not defined')
  })
})

describe('tracers', () => {
  it('end a run when they hold as much as they may', async () => {
    const nexus = await createExecutive('nexus', 'prague')
    const start = [{ address: CONTRACTS[0] as Uint8Array, code: fromHex('5b5f56') }]
    const message = messageOf({ sender: SENDER, to: CONTRACTS[0] as Uint8Array, gasLimit: 1e9 })
    const logger = createStructLogger(EVERYTHING, new TraceBudget(100_000))
    logger.start(transaction(1e9), SILENT)
    await expect(observe(nexus, start, message, logger.tracer)).rejects.toBeInstanceOf(
      TraceTooLarge,
    )
    const silent: Tracer = {}
    // The next run is not disturbed.
    expect(await observe(nexus, start, { ...message, gasLimit: 100 }, silent)).toMatchObject({
      error: 'out of gas',
    })
  })
})
