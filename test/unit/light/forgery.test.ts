// No block that is not the chain's is ever accepted, whatever an adversary below one third does; and
// planted mistakes are found by the same search.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as light from '../../../consensus/light/index.ts'
import { defaultLightOptions, type LightBlock } from '../../../consensus/light/index.ts'
import { blockIdOf } from '../../../core/chain/block.ts'
import { equalBytes } from '../../../core/primitives/bytes.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import { LIGHT_CHAIN_ID, type LightChain } from '../../support/lightChain.ts'
import { corrupt, FORGERIES, forgedByFormer, randomChain } from '../../support/lightForgery.ts'
import { type LightModule, type Mistake, mutantOf } from '../../support/lightMutants.ts'
import { randomFrom } from '../../support/smallRandom.ts'

const PERIOD_MS = 60_000
const OPTIONS = {
  ...defaultLightOptions,
  chainId: LIGHT_CHAIN_ID,
  trustingPeriodMs: millisOf(PERIOD_MS),
  maxClockDriftMs: millisOf(500),
}

const isOfChain = (chain: LightChain, { header, nextValidators }: LightBlock): boolean =>
  header.height <= chain.height &&
  blockIdOf(header) === blockIdOf(chain.at(header.height).header) &&
  equalBytes(nextValidators.hash, header.nextValidatorsHash)

/** One chain, one adversary, every forgery: the names of those that were accepted. */
function acceptedForgeries(seed: number, { verify }: LightModule): string[] {
  const random = randomFrom(seed)
  const chain = randomChain(random, 4 + random(8))
  const trusted = chain.trustedAt(random(chain.height))
  const corrupted = corrupt(random, [trusted.nextValidators])
  const scene = { chain, trusted, corrupted }
  const now = millisOf(trusted.time + PERIOD_MS - 1)
  const accepted: string[] = []
  const next = trusted.height + 1
  for (const [name, forge] of Object.entries(FORGERIES)) {
    const height = random(2) === 0 ? next : next + random(chain.height - trusted.height)
    const block = forge(random, scene, chain.at(height))
    const verdict = verify(trusted, block, OPTIONS, now)
    if (verdict.ok && !isOfChain(chain, block)) accepted.push(name)
  }
  const late = millisOf(trusted.time + PERIOD_MS)
  const former = forgedByFormer(trusted.nextValidators, chain.at(chain.height))
  if (verify(trusted, former, OPTIONS, late).ok) accepted.push('signedByFormerValidators')
  return accepted
}

describe('verify', () => {
  it('accepts no forgery of an adversary that holds up to one third', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(acceptedForgeries(seed, light), `seed ${seed}`).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('accepts every block of the chain from every block before it, or needs one between', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const random = randomFrom(seed)
        const chain = randomChain(random, 6)
        const now = millisOf(chain.height * 1_000 + 1)
        for (let from = 0; from < chain.height; from++) {
          for (let to = from + 1; to <= chain.height; to++) {
            const verdict = light.verify(chain.trustedAt(from), chain.at(to), OPTIONS, now)
            const outcome = verdict.ok ? 'ok' : verdict.code
            if (to === from + 1) expect(outcome).toBe('ok')
            else expect(['ok', 'NOT_ENOUGH_TRUST']).toContain(outcome)
          }
        }
      }),
      { numRuns: 60 },
    )
  })
})

const MISTAKES: readonly (readonly [string, readonly Mistake[]])[] = [
  [
    'one third is enough trust',
    [
      {
        file: 'light/verify.ts',
        find: 'power * trustLevel.denominator > nextValidators',
        replace: 'power * trustLevel.denominator >= nextValidators',
      },
    ],
  ],
  [
    'trust does not expire',
    [
      {
        file: 'light/verify.ts',
        find: "if (trusted.time + options.trustingPeriodMs <= nowMs) return reject('EXPIRED')",
        replace: '',
      },
    ],
  ],
  [
    'a signer counts as often as it is listed',
    [
      {
        file: 'light/verify.ts',
        find: 'if (index < 0 || counted.has(index)) continue',
        replace: 'if (index < 0) continue',
      },
      {
        file: 'verifyCertificate.ts',
        find: "if (validatorIndex <= previous) return reject('DUPLICATE_SIGNER')",
        replace: '',
      },
    ],
  ],
  [
    'two thirds of the own set are not asked for',
    [
      {
        file: 'verifyCertificate.ts',
        find: "if (!validators.isQuorum(power)) return reject('NO_QUORUM')",
        replace: '',
      },
    ],
  ],
  [
    'one third of the own set is enough',
    [
      {
        file: 'verifyCertificate.ts',
        find: "if (!validators.isQuorum(power)) return reject('NO_QUORUM')",
        replace: "if (3 * power < validators.totalPower) return reject('NO_QUORUM')",
      },
    ],
  ],
  [
    'signatures are not verified',
    [
      {
        file: 'verifyCertificate.ts',
        find: "return allGood ? ok(certificate) : reject('BAD_SIGNATURE')",
        replace: 'return ok(certificate)',
      },
    ],
  ],
  [
    'one good signature is enough',
    [
      {
        file: 'verifyCertificate.ts',
        find: 'certificate.signatures.every(',
        replace: 'certificate.signatures.some(',
      },
    ],
  ],
  [
    'the next height may have any validators',
    [
      {
        file: 'light/verify.ts',
        find: "    return reject('UNEXPECTED_VALIDATORS')\n",
        replace: '    void 0\n',
      },
    ],
  ],
  [
    'trust is not asked for',
    [
      {
        file: 'light/verify.ts',
        find: "return isEnough ? ok(null) : reject('NOT_ENOUGH_TRUST')",
        replace: 'return ok(null)',
      },
    ],
  ],
  [
    'trust is counted in the powers that the block claims',
    [
      {
        file: 'light/verify.ts',
        find: 'power += nextValidators.powerOf(index)',
        replace: 'power += validators.powerOf(validatorIndex)',
      },
    ],
  ],
  [
    'the set need not be the one of the header',
    [
      {
        file: 'light/lightBlock.ts',
        find: "if (!equalBytes(validators.hash, header.validatorsHash)) return reject('WRONG_VALIDATORS')",
        replace: '',
      },
    ],
  ],
  [
    'the next set need not be the one of the header',
    [
      {
        file: 'light/lightBlock.ts',
        find: "    return reject('WRONG_NEXT_VALIDATORS')\n",
        replace: '    void 0\n',
      },
    ],
  ],
  [
    'a certificate of another block will do',
    [
      {
        file: 'light/lightBlock.ts',
        find: "    return reject('WRONG_CERTIFICATE')\n",
        replace: '    void 0\n',
      },
    ],
  ],
]

describe('the search for forgeries', () => {
  const MAX_RUNS = 400
  it.each(MISTAKES)('finds that %s', { timeout: 60_000 }, async (_, mistakes) => {
    const mutant = await mutantOf(mistakes)
    try {
      let runs = 0
      while (runs < MAX_RUNS && acceptedForgeries(runs, mutant).length === 0) runs++
      expect(runs, 'runs to the first accepted forgery').toBeLessThan(MAX_RUNS)
    } finally {
      mutant.dispose()
    }
  })
})
