// From a signed action to the set of the height after the next, on the real executor and database.
import { afterEach, describe, expect, it } from 'vitest'
import { consensusRootOf } from '../../../core/chain/roots.ts'
import { assertRegistry } from '../../../core/host/assertRegistry.ts'
import { asEngine } from '../../../core/host/registry.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { signatures } from '../../../core/primitives/signature.ts'
import { defaultCoreGenesis } from '../../../genesis/core.ts'
import { storedValidatorSet } from '../../../node/executor/chainHead.ts'
import { authorityAction, join, leave, rotate, setPower } from '../../support/authorityChain.ts'
import { CoreWorld } from '../../support/coreWorld.ts'
import { AUTHORITY, authority } from '../../support/engines/authority.ts'
import { coreRegistry, genesisParamsOf } from '../../support/engines/chainRegistry.ts'
import { coreRegistry as smallRegistry } from '../../support/engines/smallAuthority.ts'
import { keyNumber } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'

const ADMIN = keyNumber(1)
const OTHER = keyNumber(2)
const KEYS = Array.from({ length: 8 }, (_, i) =>
  signatures.publicKeyOf(keyNumber(100 + i).privateKey),
)
const keyAt = (i: number): Uint8Array => KEYS[i] as Uint8Array

let chain: RealChain
afterEach(() => chain.close())

const create = (engineThreads = 0): Promise<RealChain> =>
  RealChain.create([], {
    engineThreads,
    validators: [34, 29, 14, 14].map((power, i) => ({
      name: `v${i}`,
      publicKey: keyAt(i),
      power,
    })),
    core: {
      ...defaultCoreGenesis,
      exchange: { admin: ADMIN.address, markets: [] },
      balances: [ADMIN, OTHER].map(({ address }) => ({
        ...{ address, asset: 'USDX', amount: 1_000_000_000 },
      })),
    },
    surroundings: {
      registry: coreRegistry,
      registryModule: new URL('../../support/engines/chainRegistry.ts', import.meta.url),
      genesisParamsOf,
    },
  })

/** Powers by key number, of the sets of the next two heights. */
function sets(): {
  readonly next: Record<number, number>
  readonly afterNext: Record<number, number>
} {
  const { validators, nextValidators } = chain.head.summary
  const powers = (list: typeof validators): Record<number, number> =>
    Object.fromEntries(
      list.map(({ publicKey, power }) => [
        KEYS.findIndex((key) => toHex(key) === toHex(publicKey)),
        power,
      ]),
    )
  return { next: powers(validators), afterNext: powers(nextValidators) }
}
const BEFORE = { 0: 34, 1: 29, 2: 14, 3: 14 }
const AFTER = { 0: 35, 1: 29, 4: 15, 5: 14 }
const MANY = [
  join(keyAt(4), 15),
  leave(keyAt(2)),
  setPower(keyAt(0), 35),
  rotate(keyAt(3), keyAt(5)),
]

function act(calls: Parameters<typeof authorityAction>[1], key = ADMIN) {
  const nonce = chain.head.summary.time + 1_000
  return authorityAction(key, calls, { chainId: 3940, nonce })
}

describe('validators that an engine asks for', () => {
  for (const threads of [0, 2])
    it(`count from the height after the next on, once, all of a block at once; ${threads} engine threads`, async () => {
      chain = await create(threads)
      expect((await chain.block([])).validatorUpdates).toEqual([])
      expect(sets()).toEqual({ next: BEFORE, afterNext: BEFORE })
      const result = await chain.block([], [act(MANY)])
      expect(result.coreCalls).toEqual({ accepted: 4, rejected: 0 })
      expect(result.validatorUpdates).toHaveLength(5)
      expect(sets()).toEqual({ next: BEFORE, afterNext: AFTER })
      expect((await chain.block([])).validatorUpdates).toEqual([])
      expect(sets()).toEqual({ next: AFTER, afterNext: AFTER })
    })

  it('the state root covers the sets, priorities included', async () => {
    chain = await create()
    await chain.block([], [act(MANY)])
    const { validators, nextValidators, roots } = chain.head.summary
    expect(roots.consensusRoot).toEqual(
      consensusRootOf(storedValidatorSet(validators).hash, storedValidatorSet(nextValidators).hash),
    )
  })

  it('what is over the cap comes with the next heights, also after a restart in between', async () => {
    const heads: string[] = []
    for (const restarts of [false, true]) {
      chain = await create()
      // 63 of 91 leave: three heights' worth.
      const large = [leave(keyAt(0)), leave(keyAt(1)), join(keyAt(6), 60)]
      const changes = [(await chain.block([], [act(large)])).validatorUpdates.length]
      for (let i = 0; i < 6; i++) {
        if (restarts && i % 2 === 0) await chain.restart()
        changes.push((await chain.block([])).validatorUpdates.length)
      }
      expect(changes.filter((count) => count > 0).length).toBeGreaterThan(2)
      expect(changes.at(-1)).toBe(0)
      expect(sets()).toEqual({
        next: { 2: 14, 3: 14, 6: 60 },
        afterNext: { 2: 14, 3: 14, 6: 60 },
      })
      heads.push(chain.head.summary.blockId)
      if (!restarts) await chain.close()
    }
    expect(heads[1]).toBe(heads[0])
  })

  it('a restart at any height of a change gives the same state and the same next block', async () => {
    chain = await create()
    const untouched: string[] = []
    const run = async (restartAt: number | null): Promise<string[]> => {
      const ids: string[] = []
      for (let i = 0; i < 6; i++) {
        await chain.block([], i === 2 ? [act(MANY)] : [])
        if (i === restartAt) await chain.restart()
        ids.push(toHex(chain.head.summary.stateRoot))
      }
      return ids
    }
    untouched.push(...(await run(null)))
    for (const at of [1, 2, 3, 4]) {
      await chain.close()
      chain = await create()
      expect(await run(at), `restart after block ${at}`).toEqual(untouched)
    }
  })

  it('only the admin may, and what is no set is refused at the door', async () => {
    chain = await create()
    const codes = async (calls: Parameters<typeof act>[0], key = ADMIN): Promise<number> =>
      (await chain.block([], [act(calls, key)])).coreCalls.rejected
    expect(await codes([leave(keyAt(2))], OTHER)).toBe(1)
    const all = [0, 1, 2, 3].map((i) => leave(keyAt(i)))
    expect(await codes(all), 'the last cannot leave').toBe(1)
    expect(await codes([join(new Uint8Array(33), 5)])).toBe(1)
    expect(await codes([setPower(keyAt(3), 0)])).toBe(1)
    expect(await codes([setPower(keyAt(3), 2 ** 44 + 1)])).toBe(1)
  })
})

describe('NexusCore', () => {
  afterEach(() => {
    chain = { close: async () => undefined } as RealChain
  })
  const ask = (fn: string, args: object) => ({ engine: AUTHORITY, fn, args: { ...args } })

  it('asks for the same when a block is done again from its record', async () => {
    const world = new CoreWorld({ registry: smallRegistry })
    const actions = [
      world.action(0, [ask('join', { publicKey: keyAt(0), power: 10 })]),
      world.action(1, [ask('join', { publicKey: keyAt(1), power: 7 })]),
    ]
    const { validatorTarget, record } = await world.block(actions)
    expect(validatorTarget?.totalPower).toBe(17)
    const twin = new CoreWorld({ registry: smallRegistry })
    twin.machine.begin({ height: 1, time: twin.timeOf(1), messages: [], actions })
    const again = await twin.machine.replay(record)
    expect(toHex(again.validatorTarget?.hash as Uint8Array)).toBe(
      toHex(validatorTarget?.hash as Uint8Array),
    )
    twin.machine.commit()
    expect((await world.block()).validatorTarget?.hash).toEqual(validatorTarget?.hash)
  })

  it('halts on an engine that asks for what is no set, and undoes the block', async () => {
    for (const wrong of [
      [{ publicKey: keyAt(0), power: 3 }],
      [{ publicKey: keyAt(0), power: 0 }],
      [{ publicKey: new Uint8Array(33), power: 9 }],
      [],
    ]) {
      const broken = asEngine({ ...authority, validators: () => wrong })
      const engines = [...smallRegistry.engines.slice(0, -1), broken]
      const world = new CoreWorld({ registry: { ...smallRegistry, engines } })
      const before = world.roots()
      await expect(world.block()).rejects.toMatchObject({
        detail: { code: 'ENGINE_FAULT', engine: 'authority', fn: 'validators' },
      })
      world.machine.discard()
      expect(world.roots()).toEqual(before)
    }
  })

  it('has one engine that drives the validators', () => {
    const second = asEngine({ ...authority, id: AUTHORITY + 1, name: 'usurper' })
    const engines = [...smallRegistry.engines, second]
    expect(() => assertRegistry({ ...smallRegistry, engines })).toThrow('one engine drives')
  })
})
