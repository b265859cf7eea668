// The short form of `node test/sim/crashes.ts`: every write and flush of two heights, some variants of each.
import { describe, expect, test } from 'vitest'
import { enumerateCheckpointCrashes, enumerateStateRot } from './checkpoints.ts'
import { runCase, undisturbed } from './crashCase.ts'
import { enumerateFaults, enumerateRot, faultKinds } from './damage.ts'
import {
  doubleCrashes,
  enumerateCrashes,
  isCorrupt,
  killed,
  nothing,
  powerCuts,
  rotated,
  type Tally,
  tornPowerCuts,
} from './enumerate.ts'

const heights = 2

function show(what: string, { cases, crashes, signatures, outcomes }: Tally): void {
  const kinds = [...outcomes].map(([kind, count]) => `${kind}: ${count}`).join(', ')
  console.log(`${what}: ${cases} cases, ${crashes} crashes, ${signatures} signatures; ${kinds}`)
}

describe('a crash at every write and flush', () => {
  test('of a validator that the others can do without', async () => {
    const variants = [rotated([...killed, ...powerCuts])]
    const tally = await enumerateCrashes({
      topology: 'spare',
      heights,
      seeds: 1,
      variants,
      mayRefuse: nothing,
    })
    show('spare', tally)
    expect(tally.failures).toEqual([])
    expect(tally.outcomes).toEqual(new Map([['agreed', tally.cases]]))
    expect(tally.crashes).toBe(tally.cases)
  })

  test('of a validator without which nothing is decided, over rounds and locks', async () => {
    const variants = [rotated(killed, 1), rotated(powerCuts, 1)]
    const tally = await enumerateCrashes({
      topology: 'needed',
      heights,
      seeds: 1,
      variants,
      mayRefuse: nothing,
    })
    show('needed', tally)
    expect(tally.failures).toEqual([])
    expect(tally.outcomes).toEqual(new Map([['agreed', tally.cases]]))
  })

  test('with sectors written in any order, noise, and a second crash on the way up', async () => {
    const variants = [rotated([...tornPowerCuts, ...doubleCrashes])]
    const tally = await enumerateCrashes({
      topology: 'needed',
      heights,
      seeds: 1,
      variants,
      mayRefuse: isCorrupt,
    })
    show('torn and twice', tally)
    expect(tally.failures).toEqual([])
    expect(tally.outcomes.get('agreed')).toBeGreaterThan(0.95 * tally.cases)
  })

  test('of the executor of both machines, around its checkpoints', async () => {
    const tally = await enumerateCheckpointCrashes(4)
    show('two machines', tally)
    expect(tally.failures).toEqual([])
    expect(tally.outcomes).toEqual(new Map([['agreed', tally.cases]]))
  })
})

describe('a disk that fails', () => {
  test('full, broken or failing to sync at each operation: the node ends, and comes back with all', async () => {
    const kinds = faultKinds.filter(({ name }) =>
      ['full disk', 'failing fsync, then power cut'].includes(name),
    )
    const tally = await enumerateFaults({ topology: 'spare', heights, kinds, mayRefuse: nothing })
    show('faults', tally)
    expect(tally.failures).toEqual([])
    expect(tally.outcomes.get('agreed')).toBe(tally.cases)
    const codes = [...tally.outcomes.keys()].filter((kind) => kind.startsWith('ended '))
    expect(codes.sort()).toEqual([
      'ended LAST_SIGNED_WRITE',
      'ended STORAGE_WRITE',
      'ended WAL_OPEN',
      'ended WAL_WRITE',
    ])
  })

  test('with a bit flipped in any record: it says so, or what is left is right', async () => {
    const tally = await enumerateRot({
      topology: 'needed',
      heights,
      crashAt: 56,
      mayRefuse: isCorrupt,
    })
    show('rot', tally)
    expect(tally.failures).toEqual([])
    for (const code of ['WAL_CORRUPT', 'LAST_SIGNED_CORRUPT', 'STORAGE_CORRUPT'])
      expect(tally.outcomes.get(`refused ${code}`), code).toBeGreaterThan(0)
    const state = await enumerateStateRot(4)
    show('rot, two machines', state)
    expect(state.failures).toEqual([])
    expect(state.outcomes.get('refused STORAGE_CORRUPT')).toBeGreaterThan(20)
  })
})

describe('the enumeration finds', () => {
  const calm = { ...undisturbed, topology: 'needed', heights, seed: 1 } as const
  const cutAfter = (after: number) => [{ after, moment: 'after', fate: 'none' }] as const

  test('signatures that leave although the disk only claims to have synced', async () => {
    const messages: string[] = []
    for (let after = 30; after < 60; after += 3)
      await runCase({
        ...calm,
        crashes: cutAfter(after),
        fault: ({ kind, index }) =>
          kind === 'sync' && index > 20 && index <= after ? 'ignored' : null,
      }).catch((error) => messages.push(String(error)))
    expect(messages.join()).toContain('DOUBLE SIGN')
  })

  test('a commit that the disk only claims to have synced', async () => {
    const { operations } = await runCase(calm)
    const last = operations.findLast(({ kind }) => kind === 'batch')?.index ?? 0
    const ignored = runCase({
      ...calm,
      heights: heights + 1,
      crashes: cutAfter(last + 4),
      fault: ({ kind, index }) => (kind === 'batch' && index === last ? 'ignored' : null),
    })
    await expect(ignored).rejects.toThrow('REGRESSED')
  })
})
