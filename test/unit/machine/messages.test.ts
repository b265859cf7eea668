import { describe, expect, it } from 'vitest'
import { MESSENGER_RULES, placesForCalls } from '../../../coprocessors/messenger/index.ts'
import type { CrossMessage } from '../../../core/chain/block.ts'
import { queueRootOf } from '../../../core/chain/roots.ts'
import { encodeAbi, rejectedError, selectorOf } from '../../../core/host/abi.ts'
import type { SystemOutcome, SystemTransaction } from '../../../core/host/corePort.ts'
import { decodeEvents } from '../../../core/host/eventLog.ts'
import { bytes, u8, u256 } from '../../../core/host/fields.ts'
import { precompileOf, SYSTEM_ADDRESS } from '../../../core/host/precompile.ts'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import {
  CoreWorld,
  calldataOf,
  engineOf,
  STRANGER,
  type TestCall,
  userAt,
} from '../../support/coreWorld.ts'
import { COUNTER } from '../../support/engines/counter.ts'
import { QUEUE_ROWS } from '../../support/engines/registry.ts'

const noNames = { idOf: () => 0, addressOf: () => new Uint8Array(20) }
const callback = { messageId: u256, status: u8, returndata: bytes(1_024) }
const onCoreResult = (messageId: number, status: number, returndata: Uint8Array): string =>
  toHex(
    concatBytes(
      fromHex(selectorOf('onCoreResult', callback)),
      encodeAbi(callback, { messageId: BigInt(messageId), status, returndata }, noNames),
    ),
  )

class MessageWorld extends CoreWorld {
  dataOf(call: TestCall): Uint8Array {
    return calldataOf(engineOf(this.registry, call.engine), call.fn, call.args)
  }

  send(user: number, call: TestCall, args: object = {}, fn = 'send') {
    const { engine } = call
    const given = { engine, calldata: this.dataOf(call), gasLimit: 50_000, priority: 0, ...args }
    return this.call(userAt(user), { engine: 0, fn, args: given }, { gasLimit: 10_000_000 })
  }

  /** A block without actions, step by step. */
  begin(): readonly SystemTransaction[] {
    const { machine } = this
    this.height++
    const messages = machine.pendingMessages()
    const { height } = this
    return machine.begin({ height, time: this.timeOf(height), messages, actions: [] })
  }
}

const add = (amount: number): TestCall => ({ engine: COUNTER, fn: 'add', args: { amount } })
const success = ({ nonce }: SystemTransaction): SystemOutcome => ({
  nonce,
  status: 'success',
  returnData: new Uint8Array(),
})
const ordered = (messages: readonly CrossMessage[]) =>
  messages.map(({ block, priority, nonce }) => [block, priority, nonce])

describe('a queued call into Core', () => {
  it('runs in the next block as its sender, and answers in the one after', async () => {
    const world = new MessageWorld()
    await world.block([], () => {
      expect(world.send(0, add(7)).kind).toBe('success')
      expect(world.send(1, add(2_000_000)).kind).toBe('success')
      const work = { engine: COUNTER, fn: 'work', args: { steps: 1_000 } }
      expect(world.send(2, work, { gasLimit: 3_000 }).kind).toBe('success')
      return 0n
    })
    expect(world.machine.pendingMessages().map(({ kind }) => kind)).toEqual(Array(3).fill('toCore'))
    await world.block()
    expect(world.machine.pendingMessages().map(({ kind }) => kind)).toEqual(Array(3).fill('toEvm'))
    const transactions = world.begin()
    const from = precompileOf(0)
    expect(transactions.map(({ data, ...rest }) => [toHex(data), rest])).toEqual([
      [
        onCoreResult(1, 0, fromHex('07'.padStart(64, '0'))),
        { nonce: 4, from, to: userAt(0), mint: 0n, gasLimit: 100_000 },
      ],
      [
        onCoreResult(2, 1, rejectedError('TOO_MUCH')),
        { nonce: 5, from, to: userAt(1), mint: 0n, gasLimit: 100_000 },
      ],
      [
        onCoreResult(3, 2, new Uint8Array()),
        { nonce: 6, from, to: userAt(2), mint: 0n, gasLimit: 100_000 },
      ],
    ])
    const outcomes = transactions.map(success)
    const failed = { ...(outcomes[1] as SystemOutcome), status: 'outOfGas' as const }
    await world.machine.actions([
      outcomes[0] as SystemOutcome,
      failed,
      outcomes[2] as SystemOutcome,
    ])
    const { events, queueRoot } = world.close(0n)
    world.commit()
    const decoded = decodeEvents(world.registry.engines, events)
    if (!decoded.ok) throw new Error(decoded.code)
    expect(decoded.value.map(({ event }) => event)).toEqual([
      { kind: 'CallbackExecuted', messageId: 1, status: 'success' },
      { kind: 'CallbackExecuted', messageId: 2, status: 'outOfGas' },
      { kind: 'CallbackExecuted', messageId: 3, status: 'success' },
    ])
    // A failed callback is recorded and never tried again.
    expect(world.machine.pendingMessages()).toEqual([])
    expect(toHex(queueRoot)).toBe(toHex(queueRootOf([])))
  })

  it('has a callback only if it paid for one', async () => {
    const world = new MessageWorld()
    let without = 0
    await world.block([], () => {
      const given = { callbackGas: 0 }
      const outcome = world.send(0, add(1), given, 'sendWithCallback')
      const other = world.send(0, add(1), { callbackGas: 7_000 }, 'sendWithCallback')
      if (outcome.kind !== 'success' || other.kind !== 'success') throw new Error('refused')
      without = other.gasUsed - outcome.gasUsed
      return 0n
    })
    // The byte of the argument costs nothing more: calldata is of the same length.
    expect(without).toBe(7_000)
    await world.block()
    expect(world.machine.pendingMessages()).toMatchObject([{ kind: 'toEvm', gasLimit: 7_000 }])
  })

  it('waits in the order block, priority, nonce, and within the work of a block', async () => {
    const world = new MessageWorld()
    const priorities = [[3, 200, 3, 200, 0], [255]]
    for (const list of priorities) {
      await world.open([])
      world.machine.discard()
      await world.block([], () => {
        for (const priority of list) {
          const gasLimit = MESSENGER_RULES.messageGas
          expect(world.send(0, add(1), { priority, gasLimit }).kind).toBe('success')
        }
        return 0n
      })
      if (list.length > 1) {
        // Three of the largest fit a block; the two that waited come before the one that is new.
        expect(ordered(world.machine.pendingMessages())).toEqual([
          [2, 200, 2],
          [2, 200, 4],
          [2, 3, 1],
        ])
      }
    }
    const waiting = world.machine.pendingMessages()
    expect(ordered(waiting)).toEqual([
      [2, 3, 3],
      [2, 0, 5],
      // Behind the three callbacks of the block before.
      [4, 255, 9],
    ])
    expect(() =>
      world.machine.begin({ height: 9, time: 9, messages: waiting.slice(1), actions: [] }),
    ).toThrow(/exactly the pending messages/)
  })

  it('is refused when it asks for too much, or the queue is full of calls', async () => {
    const world = new MessageWorld({
      params: { chainId: 7_777, blockGas: 2 ** 32, gasRatio: 10 },
    })
    await world.open([])
    const tooMuch = world.send(0, add(1), { gasLimit: MESSENGER_RULES.messageGas + 1 })
    expect(tooMuch).toMatchObject({ returnData: rejectedError('GAS_TOO_HIGH') })
    for (let i = 0; i < placesForCalls(QUEUE_ROWS); i++) {
      if (world.send(i, add(1), { gasLimit: 0 }).kind !== 'success') throw new Error(`at ${i}`)
    }
    expect(world.send(0, add(1))).toMatchObject({ returnData: rejectedError('QUEUE_FULL') })
    expect(world.machine.checkFull()).toEqual([])
  })
})

describe('a transfer to the EVM', () => {
  const toEvm = (asset: number): TestCall => ({
    engine: 1,
    fn: 'toEvm',
    args: { asset, amount: 25, to: STRANGER },
  })

  it('mints what left Core in the next block: native coin or a token', async () => {
    const world = new MessageWorld()
    await world.block([world.action(0, [toEvm(0), toEvm(1)])])
    const transactions = world.begin()
    const token = new Uint8Array(20)
    token.set([0x20], 0)
    token.set([1], 19)
    const units = 25n * 10n ** 12n
    const mint = selectorOf('mint', { to: { kind: 'address' }, amount: { kind: 'u256' } })
    const data = `${mint}${'00'.repeat(12)}${toHex(STRANGER)}${units.toString(16).padStart(64, '0')}`
    expect(transactions).toMatchObject([
      { from: SYSTEM_ADDRESS, to: STRANGER, mint: units, data: new Uint8Array() },
      { from: SYSTEM_ADDRESS, to: token, mint: 0n, data: fromHex(data) },
    ])
    await world.machine.actions(transactions.map(success))
    const tokenSupply = () => units
    world.machine.finish({ burnedWei: 0n, nativeDelta: units, tokenSupply })
    world.machine.commit()
    expect(world.machine.checkFull()).toEqual([])
  })

  it('returns to its sender when the EVM refuses it', async () => {
    const world = new MessageWorld()
    await world.block([world.action(0, [toEvm(1)])])
    const transactions = world.begin()
    const outcomes = transactions.map((transaction) => ({
      ...success(transaction),
      status: 'revert' as const,
    }))
    await world.machine.actions(outcomes)
    const { events } = world.close(0n)
    const decoded = decodeEvents(world.registry.engines, events)
    if (!decoded.ok) throw new Error(decoded.code)
    expect(decoded.value.map(({ event }) => event.kind)).toEqual([
      'TransferSettled',
      'CrossingReturned',
    ])
    world.machine.commit()
    expect(world.machine.checkFull()).toEqual([])
  })

  it('asks for one outcome of each system transaction, in their order', async () => {
    const world = new MessageWorld()
    await world.block([world.action(0, [toEvm(0), toEvm(1)])])
    const outcomes = world.begin().map(success)
    await expect(world.machine.actions(outcomes.slice(1))).rejects.toThrow(/has an outcome/)
    world.machine.discard()
    world.height--
    world.begin()
    await expect(world.machine.actions(outcomes.toReversed())).rejects.toThrow(/in the order/)
  })
})
