// The light client with providers that answer, lie, lag and keep silent.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  defaultLightOptions,
  LIGHT_BLOCK_BYTES,
  type LightBlock,
  LightClient,
  type LightClientOptions,
  type LightProvider,
} from '../../../consensus/light/index.ts'
import { verifyEvidence } from '../../../consensus/verifyEvidence.ts'
import { blockIdOf } from '../../../core/chain/block.ts'
import type { ValidatorSet } from '../../../core/chain/validatorSet.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { heightOf, millisOf } from '../../../core/primitives/units.ts'
import {
  bytesOfText,
  LIGHT_CHAIN_ID,
  LightChain,
  lightBlockOf,
  setOf,
} from '../../support/lightChain.ts'
import { corrupt, FORGERIES, randomSets } from '../../support/lightForgery.ts'
import { TestProvider } from '../../support/lightProviders.ts'
import { randomFrom } from '../../support/smallRandom.ts'

const OPTIONS: LightClientOptions = {
  ...defaultLightOptions,
  chainId: LIGHT_CHAIN_ID,
  trustingPeriodMs: millisOf(1_000_000),
  maxClockDriftMs: millisOf(500),
}
const FOUR = setOf({ a: 1, b: 1, c: 1, d: 1 })
const steady = (heights: number): ValidatorSet[] => Array(heights + 1).fill(FOUR)

/** Every height has other validators than the one before. */
const restless = (heights: number): ValidatorSet[] =>
  Array.from({ length: heights + 1 }, (_, i) => setOf({ [`x${i}`]: 1, [`y${i}`]: 1, [`z${i}`]: 1 }))
/** One of ten validators is replaced every `every` heights. */
const slowly = (heights: number, every: number): ValidatorSet[] =>
  Array.from({ length: heights + 1 }, (_, i) =>
    setOf(
      Object.fromEntries(
        Array.from({ length: 10 }, (_, seat) => {
          const turns = Math.floor(Math.floor(i / every) / 10)
          const isReplaced = Math.floor(i / every) % 10 > seat
          return [`s${seat}t${turns + (isReplaced ? 1 : 0)}`, 1]
        }),
      ),
    ),
  )

const client = (
  chain: LightChain,
  providers: readonly [LightProvider, ...LightProvider[]],
  options: Partial<LightClientOptions> = {},
  nowMs = chain.height * 1_000 + 1,
): LightClient => {
  const [primary, ...witnesses] = providers
  const modules = { primary, witnesses, now: () => millisOf(nowMs) }
  return new LightClient(chain.genesis, modules, { ...OPTIONS, ...options })
}

const idAt = (chain: LightChain, height: number): string => blockIdOf(chain.at(height).header)
const codeOf = (result: { ok: boolean; code?: string }): string =>
  result.ok ? 'ok' : (result.code ?? '')

describe('a light client', () => {
  const chain = new LightChain(steady(40))

  it('skips to the latest height in one fetch while the validators stay', async () => {
    const primary = new TestProvider('primary', chain)
    const light = client(chain, [primary])
    const result = await light.verify('latest')
    expect(result.ok && blockIdOf(result.value.header)).toBe(idAt(chain, 40))
    expect(primary.asked).toEqual(['latest'])
    expect(light.latest.height).toBe(40)
  })

  it('starts from a height and its id', async () => {
    const primary = new TestProvider('primary', chain)
    const modules = { primary, witnesses: [], now: () => millisOf(41_000) }
    const id = blockIdOf(chain.at(7).header)
    const started = await LightClient.start({ height: heightOf(7), id }, modules, OPTIONS)
    expect(started.ok && started.value.latest.height).toBe(7)
    const wrong = blockIdOf(chain.at(8).header)
    const other = await LightClient.start({ height: heightOf(7), id: wrong }, modules, OPTIONS)
    expect(other).toEqual({ ok: false, code: 'WRONG_ID' })
  })

  it('goes backwards by previous ids', async () => {
    const primary = new TestProvider('primary', chain)
    const modules = { primary, witnesses: [], now: () => millisOf(41_000) }
    const trusted = { height: heightOf(20), id: blockIdOf(chain.at(20).header) }
    const started = await LightClient.start(trusted, modules, OPTIONS)
    if (!started.ok) throw new Error(started.code)
    const result = await started.value.verify(heightOf(12))
    expect(result.ok && blockIdOf(result.value.header)).toBe(idAt(chain, 12))
    expect(codeOf(await started.value.verify(heightOf(16)))).toBe('ok')
    const before = primary.asked.length
    await started.value.verify(heightOf(12))
    expect(primary.asked).toHaveLength(before)
  })

  it('does not go backwards over a link that is broken', async () => {
    const other = new LightChain(steady(40), { label: 'other' })
    const answer = (height: number) => (height < 15 ? other : chain).at(height)
    const primary = new TestProvider('primary', chain, { answer })
    const modules = { primary, witnesses: [], now: () => millisOf(41_000) }
    const trusted = { height: heightOf(20), id: blockIdOf(chain.at(20).header) }
    const started = await LightClient.start(trusted, modules, OPTIONS)
    if (!started.ok) throw new Error(started.code)
    expect(codeOf(await started.value.verify(heightOf(12)))).toBe('BROKEN_CHAIN')
  })

  it('bisects where validators change, and asks for no height twice', async () => {
    const changing = new LightChain(restless(16))
    const primary = new TestProvider('primary', changing)
    const result = await client(changing, [primary]).verify(heightOf(16))
    expect(result.ok && blockIdOf(result.value.header)).toBe(idAt(changing, 16))
    expect(new Set(primary.asked).size).toBe(primary.asked.length)
    expect(primary.asked).toHaveLength(16)
  })

  it('needs few fetches where they change slowly', async () => {
    const heights = 400
    const changing = new LightChain(slowly(heights, 40))
    const primary = new TestProvider('primary', changing)
    const result = await client(changing, [primary]).verify(heightOf(heights))
    expect(codeOf(result)).toBe('ok')
    // A tenth every 40 heights: two thirds need 240, so two steps, each at most log2(400) halvings.
    expect(primary.asked.length).toBeLessThanOrEqual(9)
  })

  it('stops at its bound of fetches', async () => {
    const changing = new LightChain(restless(16))
    const light = client(changing, [new TestProvider('primary', changing)], { maxFetches: 8 })
    expect(codeOf(await light.verify(heightOf(16)))).toBe('TOO_MANY_FETCHES')
    expect(codeOf(await light.verify(heightOf(5)))).toBe('ok')
  })

  it('believes nothing after the trusting period, and nothing from the future', async () => {
    const primary = new TestProvider('primary', chain)
    const late = client(chain, [primary], {}, 1_000_000)
    expect(codeOf(await late.verify('latest'))).toBe('EXPIRED')
    const early = client(chain, [primary], {}, 39_000)
    expect(codeOf(await early.verify('latest'))).toBe('FROM_FUTURE')
    expect(codeOf(await early.verify(heightOf(39)))).toBe('ok')
  })

  it('answers calls that overlap one after the other', async () => {
    const primary = new TestProvider('primary', chain)
    const light = client(chain, [primary])
    const heights = [30, 10, 30, 20]
    const results = await Promise.all(heights.map((height) => light.verify(heightOf(height))))
    expect(results.map((one) => one.ok && one.value.header.height)).toEqual(heights)
    expect(primary.asked).toEqual([30, 10, 20])
  })

  it('keeps no more than its store holds', async () => {
    const light = client(chain, [new TestProvider('primary', chain)], { storeCapacity: 3 })
    for (let height = 1; height <= 40; height += 3) await light.verify(heightOf(height))
    expect(light.latest.height).toBe(40)
    expect(codeOf(await light.verify(heightOf(39)))).toBe('ok')
  })
})

describe('providers', () => {
  const chain = new LightChain(steady(20))
  const honest = (name: string) => new TestProvider(name, chain)
  const liar = (name: string, answer: (height: number) => LightBlock | Uint8Array) =>
    new TestProvider(name, chain, { answer })
  const forged = (height: number): LightBlock => {
    const block = chain.at(height)
    return { ...block, header: { ...block.header, stateRoot: bytesOfText('forged') } }
  }
  /** A chain of its own validators. */
  const foreign = (height: number): LightBlock =>
    lightBlockOf({
      height,
      time: height * 1_000,
      validators: setOf({ e: 1 }),
      nextValidators: setOf({ e: 1 }),
    })

  it('a primary that lies is replaced by a witness', async () => {
    for (const answer of [forged, foreign, () => new Uint8Array(LIGHT_BLOCK_BYTES + 1)]) {
      const light = client(chain, [liar('liar', answer), honest('one'), honest('two')])
      const result = await light.verify(heightOf(20))
      expect(result.ok && blockIdOf(result.value.header)).toBe(idAt(chain, 20))
      expect(light.removed.map(({ name }) => name)).toEqual(['liar'])
    }
  })

  it('a true block of another height is no answer', async () => {
    const answer = (height: number) => chain.at(height === 12 ? 11 : height)
    const light = client(chain, [liar('liar', answer), honest('one'), honest('two')])
    const result = await light.verify(heightOf(12))
    expect(result.ok && result.value.header.height).toBe(12)
    expect(light.removed).toEqual([{ name: 'liar', code: 'BAD_BLOCK' }])
  })

  it('a witness that left the chain before the trusted height is no proof of a fork', async () => {
    const apart = new LightChain(steady(20), { label: 'apart' })
    const modules = {
      primary: honest('primary'),
      witnesses: [new TestProvider('apart', apart), honest('witness')],
      now: () => millisOf(21_000),
    }
    const trusted = { height: heightOf(7), id: blockIdOf(chain.at(7).header) }
    const started = await LightClient.start(trusted, modules, OPTIONS)
    if (!started.ok) throw new Error(started.code)
    expect(codeOf(await started.value.verify(heightOf(20)))).toBe('ok')
    expect(started.value.removed).toEqual([{ name: 'apart', code: 'OTHER_CHAIN' }])
  })

  it('a primary that hides a height between is replaced, too', async () => {
    const changing = new LightChain(restless(8))
    const answer = (height: number) => (height === 4 ? 'NOT_FOUND' : changing.at(height))
    const hiding = new TestProvider('hiding', changing, { answer })
    const others = ['one', 'two'].map((name) => new TestProvider(name, changing))
    const light = client(changing, [hiding, ...others])
    expect(codeOf(await light.verify(heightOf(8)))).toBe('ok')
    expect(light.removed).toEqual([{ name: 'hiding', code: 'WITHHELD' }])
  })

  it('witnesses that lie or are silent are removed', async () => {
    const silent = new TestProvider('silent', chain, { answer: () => 'NO_ANSWER' })
    const light = client(chain, [
      honest('primary'),
      liar('forger', forged),
      liar('foreigner', foreign),
      silent,
      honest('witness'),
    ])
    expect(codeOf(await light.verify(heightOf(20)))).toBe('ok')
    expect(light.removed).toEqual([
      { name: 'forger', code: 'BAD_BLOCK' },
      { name: 'foreigner', code: 'UNEXPECTED_VALIDATORS' },
      { name: 'silent', code: 'NO_ANSWER' },
    ])
    expect(light.fork).toBeNull()
  })

  it('a block that no witness confirms is not believed', async () => {
    const light = client(chain, [honest('primary'), liar('liar', forged)])
    expect(codeOf(await light.verify(heightOf(20)))).toBe('NO_WITNESS')
    expect(light.latest.height).toBe(0)
  })

  it('a witness may be behind for a while; one that hides heights may not', async () => {
    const lagging = new TestProvider('lagging', chain, { latest: 5 })
    const hiding = new TestProvider('hiding', chain, {
      answer: (height) => (height === 10 ? 'NOT_FOUND' : chain.at(height)),
    })
    const light = client(chain, [honest('primary'), lagging, hiding, honest('witness')])
    expect(codeOf(await light.verify(heightOf(10)))).toBe('ok')
    expect(light.removed).toEqual([{ name: 'hiding', code: 'NOT_FOUND' }])
    expect(codeOf(await light.verify(heightOf(11)))).toBe('ok')
    expect(codeOf(await light.verify(heightOf(12)))).toBe('ok')
    expect(light.removed[1]).toEqual({ name: 'lagging', code: 'BEHIND' })
  })

  it('a primary without the height is not blamed', async () => {
    const light = client(chain, [honest('primary'), honest('witness')])
    expect(codeOf(await light.verify(heightOf(21)))).toBe('NOT_FOUND')
    expect(light.removed).toEqual([])
  })
})

describe('a fork', () => {
  const chain = new LightChain(steady(32))
  /** The same chain up to `common`; after it all four validators sign other blocks, too. */
  const forkedAt = (common: number, change: 'payload' | 'state', round = 0): LightBlock[] => {
    const blocks = chain.blocks.slice(0, common)
    for (let height = common + 1; height <= chain.height; height++) {
      const { header } = chain.at(height)
      const { time, stateRoot, payloadHash } = header
      blocks.push(
        lightBlockOf({
          height,
          time,
          previousBlockId: blockIdOf((blocks.at(-1) as LightBlock).header),
          stateRoot: change === 'state' ? bytesOfText(`other ${height}`) : stateRoot,
          payloadHash: change === 'payload' ? bytesOfText(`other ${height}`) : payloadHash,
          validators: FOUR,
          nextValidators: FOUR,
          signers: [0, 1, 3],
          round,
        }),
      )
    }
    return blocks
  }
  const attacker = (blocks: readonly LightBlock[]) =>
    new TestProvider('attacker', chain, { answer: (height) => blocks[height - 1] as LightBlock })

  it('of two blocks in one round names who signed both', async () => {
    const light = client(chain, [
      attacker(forkedAt(13, 'payload')),
      new TestProvider('honest', chain),
    ])
    expect(codeOf(await light.verify(heightOf(32)))).toBe('FORK')
    const { fork } = light
    if (fork === null) throw new Error('a fork is reported')
    expect([fork.common.height, fork.primary.block.header.height]).toEqual([13, 14])
    const { againstPrimary, againstWitness } = fork
    expect([againstPrimary.kind, againstWitness.kind]).toEqual(['equivocation', 'equivocation'])
    const keys = [0, 1, 3].map((index) => FOUR.validators[index]?.publicKey)
    expect(againstPrimary.culprits.map(({ publicKey }) => publicKey)).toEqual(keys)
    expect(againstPrimary.attack.commonHeight).toBe(13)
    expect(fork.duplicateVotes).toHaveLength(3)
    for (const evidence of fork.duplicateVotes)
      expect(verifyEvidence(evidence, FOUR, LIGHT_CHAIN_ID)).toMatchObject({ ok: true })
  })

  it('in another round is amnesia, which convicts nobody', async () => {
    const light = client(chain, [
      attacker(forkedAt(20, 'payload', 1)),
      new TestProvider('honest', chain),
    ])
    expect(codeOf(await light.verify(heightOf(32)))).toBe('FORK')
    expect(light.fork?.againstPrimary).toMatchObject({ kind: 'amnesia', culprits: [] })
    expect(light.fork?.duplicateVotes).toEqual([])
  })

  it('by a header that does not follow is lunatic', async () => {
    const light = client(chain, [
      attacker(forkedAt(20, 'state', 2)),
      new TestProvider('honest', chain),
    ])
    expect(codeOf(await light.verify(heightOf(32)))).toBe('FORK')
    expect(light.fork?.common.height).toBe(20)
    expect(light.fork?.againstPrimary).toMatchObject({ kind: 'lunatic' })
    expect(light.fork?.againstPrimary.culprits).toHaveLength(3)
  })

  it('with nothing between is found at the height that was forged', async () => {
    // Two of the four go on with validators of their own choice, far above the common height.
    const mine = setOf({ a: 1, b: 1, m: 1 })
    const forged = lightBlockOf({
      height: 30,
      time: 30_000,
      validators: mine,
      nextValidators: mine,
    })
    const lunatic = new TestProvider('lunatic', chain, {
      answer: (height) => (height === 30 ? forged : 'NOT_FOUND'),
    })
    const light = client(chain, [new TestProvider('honest', chain), lunatic])
    expect(codeOf(await light.verify(heightOf(30)))).toBe('FORK')
    const { common, againstWitness } = light.fork ?? {}
    expect(common?.height).toBe(0)
    expect(againstWitness?.kind).toBe('lunatic')
    expect(againstWitness?.culprits).toHaveLength(2)
  })

  it('stops the client for good', async () => {
    const light = client(chain, [
      new TestProvider('honest', chain),
      attacker(forkedAt(13, 'payload')),
    ])
    expect(codeOf(await light.verify(heightOf(32)))).toBe('FORK')
    expect(codeOf(await light.verify(heightOf(5)))).toBe('FORK')
    expect(light.latest.height).toBe(0)
  })
})

describe('with a primary that forges what it likes', () => {
  it('a client believes only the chain', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = randomFrom(seed)
        const sets = randomSets(random, 12)
        const chain = new LightChain(sets)
        const corrupted = corrupt(random, sets)
        const forgeries = Object.values(FORGERIES)
        const answer = (height: number): LightBlock => {
          const block = chain.at(height)
          if (random(3) > 0) return block
          const forge = forgeries[random(forgeries.length)]
          const trusted = chain.trustedAt(random(chain.height))
          return forge === undefined ? block : forge(random, { chain, trusted, corrupted }, block)
        }
        const providers = [
          new TestProvider('forger', chain, { answer }),
          new TestProvider('other forger', chain, { answer }),
          new TestProvider('one', chain),
          new TestProvider('two', chain),
        ] as const
        const light = client(chain, random(2) === 0 ? [providers[0]] : [...providers])
        for (let i = 0; i < 6; i++) {
          const result = await light.verify(heightOf(1 + random(chain.height)))
          expect(codeOf(result), `seed ${seed}`).not.toBe('FORK')
          if (!result.ok) continue
          const { header, validators, nextValidators } = result.value
          expect(blockIdOf(header), `seed ${seed}`).toBe(idAt(chain, header.height))
          const own = chain.at(header.height)
          expect(toHex(validators.hash)).toBe(toHex(own.validators.hash))
          expect(toHex(nextValidators.hash)).toBe(toHex(own.nextValidators.hash))
        }
      }),
      // In the example a witness answers differently when it is asked again.
      { numRuns: 100, examples: [[1725597318]] },
    )
  })
})
