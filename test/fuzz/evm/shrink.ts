import type { Start } from '../../support/evm/executives.ts'
import type { Scenario } from '../../support/evm/scenarios.ts'

/** A smaller scenario that still shows what `shows` looks for, after at most `tries` runs. */
export async function shrink(
  scenario: Scenario,
  shows: (candidate: Scenario) => Promise<boolean>,
  tries = 2_000,
): Promise<Scenario> {
  let best = scenario
  let left = tries
  for (let isSmaller = true; isSmaller && left > 0; ) {
    isSmaller = false
    for (const candidate of smallerOnes(best)) {
      if (left-- <= 0) break
      if (!(await shows(candidate))) continue
      best = candidate
      isSmaller = true
      break
    }
  }
  return best
}

/** Large cuts first. */
function* smallerOnes({ fork, start, message }: Scenario): Generator<Scenario> {
  const withStart = (changed: Start): Scenario => ({ fork, start: changed, message })
  for (const [i, account] of start.entries()) {
    if (account.code === undefined) continue
    yield withStart(start.filter((_, other) => other !== i))
    for (const code of shorterOnes(account.code)) {
      yield withStart(start.map((one, other) => (other === i ? { ...one, code } : one)))
    }
    if (account.slots !== undefined && account.slots.length > 0) {
      yield withStart(start.map((one, other) => (other === i ? { ...one, slots: [] } : one)))
    }
  }
  for (const data of shorterOnes(message.data)) yield { fork, start, message: { ...message, data } }
  if (message.value > 0n) yield { fork, start, message: { ...message, value: 0n } }
  if (message.accessList.length > 0) yield { fork, start, message: { ...message, accessList: [] } }
}

/** Without a piece, or with a piece that does nothing: jumps stay where they are. */
function* shorterOnes(bytes: Uint8Array): Generator<Uint8Array> {
  for (let size = Math.floor(bytes.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at + size <= bytes.length; at += size) {
      yield Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + size)])
    }
    if (size === 1 && bytes.length > 300) return
  }
}
