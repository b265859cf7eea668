import fc from 'fast-check'
import { describe, it } from 'vitest'
import { command, Twins } from '../../support/arenaTwins.ts'

describe('an arena and its naive twin', () => {
  it('agree after any command list', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120, size: 'max' }), (commands) => {
        const twins = new Twins()
        for (const each of commands) twins.run(each)
        twins.run({ kind: 'root' })
        twins.run({ kind: 'settle' })
      }),
      { numRuns: 100 },
    )
  })
})
