import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import type { Tracer } from '../../../evm/tracer.ts'
import { Random } from '../../sim/random.ts'
import { createExecutive, messageOf, observe, type Start } from '../../support/evm/executives.ts'
import { CONTRACTS, program } from '../../support/evm/programs.ts'
import { word } from '../../support/evmWorld.ts'

const SENDER = word(0x5e4de6).slice(12)
const [CALLER, CALLEE] = CONTRACTS as [Uint8Array, Uint8Array]

/** Every event in one line. */
function recorder(): { readonly tracer: Tracer; readonly lines: string[]; gas: number } {
  const lines: string[] = []
  const seen = { lines, gas: 0, tracer: {} as Tracer }
  const tracer: Tracer = {
    step: ({ pc, name, cost, depth, stack, memory, error }) => {
      seen.gas += cost
      const top = stack.at(-1)
      const shown = top === undefined ? '' : ` ${top.toString(16)}`
      lines.push(`${depth} ${pc} ${name} ${cost} m${memory.length}${shown}${error ?? ''}`)
    },
    enter: ({ kind, to, value, gas, depth }) =>
      lines.push(`${depth} > ${kind} ${toHex(to).slice(-6)} ${value} ${gas}`),
    exit: ({ gasUsed, output, error, depth }) =>
      lines.push(`${depth} < ${gasUsed} ${toHex(output)} ${error}`),
    log: ({ address, topics, data }) =>
      lines.push(`log ${toHex(address).slice(-6)} ${topics.length} ${toHex(data)}`),
    slot: (address, slot) => lines.push(`slot ${toHex(address).slice(-6)} ${slot.at(-1)}`),
  }
  return Object.assign(seen, { tracer })
}

describe('a tracer', () => {
  it('is told of steps, frames, logs and slots in their order', async () => {
    const start: Start = [
      { address: SENDER, balance: 1_000n, nonce: 1 },
      // call(gas, CALLEE, 3, 0, 0, 0, 32); stop
      { address: CALLER, code: fromHex('60205f5f5f600362c0de025af100'), nonce: 1 },
      // sstore(1, 7); log1(0, 1, 5); revert(0, 2)
      {
        address: CALLEE,
        code: fromHex('600760015560056001 5fa160025ffd'.replace(' ', '')),
        nonce: 1,
      },
    ]
    const seen = recorder()
    const engine = await createExecutive('nexus', 'prague')
    const message = messageOf({ sender: SENDER, to: CALLER, value: 5n, gasLimit: 100_000 })
    await observe(engine, start, message, seen.tracer)
    expect(seen.lines).toMatchInlineSnapshot(`
      [
        "1 > CALL c0de01 5 100000",
        "1 0 PUSH1 3 m0",
        "1 2 PUSH0 2 m0 20",
        "1 3 PUSH0 2 m0 0",
        "1 4 PUSH0 2 m0 0",
        "1 5 PUSH1 3 m0 0",
        "1 7 PUSH3 3 m0 3",
        "1 11 GAS 2 m0 c0de02",
        "1 12 CALL 98603 m0 1868f",
        "2 > CALL c0de02 3 89300",
        "2 0 PUSH1 3 m0",
        "2 2 PUSH1 3 m0 7",
        "slot c0de02 1",
        "2 4 SSTORE 22100 m0 1",
        "2 5 PUSH1 3 m0",
        "2 7 PUSH1 3 m0 5",
        "2 9 PUSH0 2 m0 1",
        "log c0de02 1 00",
        "2 10 LOG1 761 m0 0",
        "2 11 PUSH1 3 m32",
        "2 13 PUSH0 2 m32 2",
        "2 14 REVERT 0 m32 0",
        "2 < 22880 0000 revert",
        "1 13 STOP 0 m32 0",
        "1 < 32200  null",
      ]
    `)
  })

  it('changes nothing, and its steps add up to the gas of a message without calls', async () => {
    const engine = await createExecutive('nexus', 'prague')
    let successes = 0
    for (let seed = 1; seed <= 300; seed++) {
      const random = new Random(seed)
      const code = program(random, random.range(1, 14))
      const start: Start = [
        { address: SENDER, balance: 1_000n, nonce: 1 },
        { address: CALLER, code, balance: 100n, nonce: 1 },
        { address: CALLEE, code: program(random, 5), nonce: 1 },
      ]
      const message = messageOf({ sender: SENDER, to: CALLER, gasLimit: 300_000 })
      const seen = recorder()
      const plain = (await observe(engine, start, message)) as { readonly gasSpent: number }
      const traced = await observe(engine, start, message, seen.tracer)
      expect(traced, `seed ${seed}`).toEqual(plain)
      const frames = seen.lines.filter((line) => line.includes('>')).length
      const isSuccess = (traced as { readonly error: unknown }).error === null
      if (frames > 1 || !isSuccess) continue
      successes++
      expect(seen.gas, `seed ${seed}`).toBe(plain.gasSpent)
    }
    expect(successes).toBeGreaterThan(20)
  })
})
