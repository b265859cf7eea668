import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { signatures } from '../../../core/primitives/signature.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { readKnownKey, writeKnownKey } from '../../../node/signer/knownKey.ts'
import { privateKeyOf } from '../../support/storedChain.ts'

let folder: string
let file: string
let warnings: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-known-'))
  file = join(folder, 'signer-key')
  warnings = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) }

it('remembers the key that was written last', () => {
  expect(readKnownKey(file, log)).toBeNull()
  for (const n of [0, 1]) {
    const key = signatures.publicKeyOf(privateKeyOf(n))
    writeKnownKey(file, key)
    expect(readKnownKey(file, log)).toEqual(key)
  }
  expect(warnings).toEqual([])
})

it.each(['', 'junk', '0x', '0x00', `0x${'ff'.repeat(33)}`, `0x02${'00'.repeat(32)}`, '0xABCD'])(
  'knows nothing from %j, and says so',
  (text) => {
    writeFileSync(file, text)
    expect(readKnownKey(file, log)).toBeNull()
    expect(warnings).toHaveLength(1)
  },
)
