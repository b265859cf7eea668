import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../core/primitives/bytes.ts'
import { membersOf } from '../../node/keys/keyDocument.ts'
import { decryptSecret, parseKeystore } from '../../node/keys/keystore.ts'

type Vector = { readonly json: object; readonly password: string; readonly priv: string }

const file = new URL('./ethereum-tests/KeyStoreTests/basic_tests.json', import.meta.url)
const vectors = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Vector>)
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const keystoreOf = ({ json }: Vector) => parseKeystore(membersOf(JSON.stringify(json), 'v'), 'v')

describe('Web3 keystores', () => {
  it('are all there', () => expect(vectors.length).toBe(5))

  it.each(vectors)('%s opens with its password', async (_, vector) => {
    const secret = await decryptSecret(keystoreOf(vector), bytesOf(vector.password), 'v')
    expect(toHex(secret)).toBe(vector.priv)
  })

  it.each(vectors)('%s does not open with another one', async (_, vector) => {
    const other = bytesOf(`${vector.password} `)
    await expect(decryptSecret(keystoreOf(vector), other, 'v')).rejects.toMatchObject({
      detail: { code: 'KEYSTORE_PASSWORD' },
    })
  })
})
