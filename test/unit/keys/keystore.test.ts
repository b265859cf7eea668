import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { decryptKeystoreJson, encryptKeystoreJson } from 'ethers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { checksumAddress } from '../../../genesis/index.ts'
import { membersOf } from '../../../node/keys/keyDocument.ts'
import { decryptSecret, encryptSecret, parseKeystore } from '../../../node/keys/keystore.ts'
import { generateNodeKey, nodeKeyFiles } from '../../../node/keys/nodeKey.ts'
import {
  generateValidatorKey,
  readWalletKeystore,
  validatorIdentityIn,
  validatorKeyFiles,
} from '../../../node/keys/validatorKey.ts'

let directory = ''
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-keystore-'))
})
afterEach(() => fs.rmSync(directory, { recursive: true }))

const inKeys = (name: string): string => path.join(directory, 'keys', name)
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const withCode = (code: string) => ({ detail: expect.objectContaining({ code }) })
const key = generateValidatorKey((length) => keccak256(Uint8Array.of(5)).slice(0, length))
const PASSWORD = 'correct horse'
/** Cheap, for what does not depend on the cost. */
const LIGHT = { n: 2, r: 8, p: 1 }

async function lightFile(): Promise<Record<string, unknown>> {
  return { ...(await encryptSecret(key.privateKey, bytesOf(PASSWORD), LIGHT)) }
}
const parse = (document: object) => parseKeystore(membersOf(JSON.stringify(document), 'f'), 'f')
const codeOf = (document: object): string => {
  try {
    parse(document)
    return 'ok'
  } catch (error) {
    return (error as { detail: { code: string } }).detail.code
  }
}

describe('encrypted key files', () => {
  it('open with their password only, at the standard cost, and are private', async () => {
    const file = inKeys('validator.json')
    await validatorKeyFiles.saveEncrypted(file, key, bytesOf(PASSWORD))
    const text = fs.readFileSync(file, 'utf8')
    expect(text).not.toContain(toHex(key.privateKey))
    expect(JSON.parse(text).crypto.kdfparams).toMatchObject({ n: 262_144, r: 8, p: 1, dklen: 32 })
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
    expect(await validatorKeyFiles.open(file, async () => bytesOf(PASSWORD))).toEqual(key)
    expect(validatorIdentityIn(file)).toEqual({
      publicKey: key.publicKey,
      address: key.address,
      encrypted: true,
    })
    const wrong = validatorKeyFiles.open(file, async () => bytesOf('correct house'))
    await expect(wrong).rejects.toMatchObject(withCode('KEYSTORE_PASSWORD'))
    expect(() => validatorKeyFiles.load(file)).toThrow(
      expect.objectContaining(withCode('KEY_ENCRYPTED')),
    )
  })

  it('are refused when the public part is another key’s', async () => {
    const file = inKeys('validator.json')
    const other = generateValidatorKey((length) => keccak256(Uint8Array.of(6)).slice(0, length))
    await validatorKeyFiles.saveEncrypted(file, key, bytesOf(PASSWORD))
    const document = JSON.parse(fs.readFileSync(file, 'utf8'))
    const forged = {
      ...document,
      address: toHex(other.address),
      publicKey: `0x${toHex(other.publicKey)}`,
    }
    fs.writeFileSync(file, JSON.stringify(forged))
    const opened = validatorKeyFiles.open(file, async () => bytesOf(PASSWORD))
    await expect(opened).rejects.toMatchObject(withCode('KEY_INVALID'))
    fs.writeFileSync(file, JSON.stringify({ ...document, address: toHex(other.address) }))
    expect(() => validatorIdentityIn(file)).toThrow(
      expect.objectContaining(withCode('KEY_INVALID')),
    )
  })

  it('are rewritten in place, and the key is the same', async () => {
    const file = inKeys('validator.json')
    validatorKeyFiles.save(file, key)
    await validatorKeyFiles.rewrite(file, key, bytesOf(PASSWORD))
    expect(await validatorKeyFiles.open(file, async () => bytesOf(PASSWORD))).toEqual(key)
    await validatorKeyFiles.rewrite(file, key, null)
    expect(validatorKeyFiles.load(file)).toEqual(key)
    expect(fs.readdirSync(path.dirname(file))).toEqual(['validator.json'])
    expect(fs.statSync(file).mode & 0o777).toBe(0o600)
  }, 30_000)

  it('hold node keys as well', async () => {
    const nodeKey = await generateNodeKey()
    await nodeKeyFiles.saveEncrypted(inKeys('node.json'), nodeKey, bytesOf(PASSWORD))
    const opened = await nodeKeyFiles.open(inKeys('node.json'), async () => bytesOf(PASSWORD))
    expect(opened.equals(nodeKey)).toBe(true)
  })
})

describe('with ethers', () => {
  it.each([PASSWORD, 'pässwörd ﬁ Å 密码'])(
    'opens ours: %s',
    async (password) => {
      const file = inKeys('validator.json')
      await validatorKeyFiles.saveEncrypted(file, key, bytesOf(password))
      const account = await decryptKeystoreJson(fs.readFileSync(file, 'utf8'), password)
      expect(account.privateKey).toBe(`0x${toHex(key.privateKey)}`)
      expect(account.address).toBe(checksumAddress(key.address))
    },
    60_000,
  )

  it.each([PASSWORD, 'pässwörd ﬁ Å 密码'])(
    'ours opens theirs: %s',
    async (password) => {
      const account = {
        address: checksumAddress(key.address),
        privateKey: `0x${toHex(key.privateKey)}`,
      }
      const text = await encryptKeystoreJson(account, password, { scrypt: { N: 1024, r: 8, p: 1 } })
      const file = path.join(directory, 'wallet.json')
      fs.writeFileSync(file, text)
      expect(await readWalletKeystore(file, async () => bytesOf(password))).toEqual(key)
    },
    60_000,
  )
})

describe('parseKeystore', () => {
  const scrypt = (document: Record<string, unknown>, parameters: object) => {
    const crypto = document.crypto as { kdfparams: object }
    return {
      ...document,
      crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, ...parameters } },
    }
  }
  const changed = (document: Record<string, unknown>, change: object) => ({
    ...document,
    crypto: { ...(document.crypto as object), ...change },
  })

  it('refuses to spend more than a few seconds or 512 MiB on a file', async () => {
    const document = await lightFile()
    expect(codeOf(scrypt(document, { n: 2 ** 18, r: 8, p: 1 }))).toBe('ok')
    expect(codeOf(scrypt(document, { n: 2 ** 18, r: 1, p: 8 }))).toBe('ok')
    const costly: readonly object[] = [
      { n: 2 ** 30, r: 8, p: 1 },
      { n: 2 ** 20, r: 8, p: 1 },
      { n: 2 ** 14, r: 8, p: 2 ** 20 },
      { n: 2 ** 18, r: 2 ** 20, p: 1 },
      { n: 2, r: 2 ** 30, p: 2 ** 30 },
    ]
    for (const parameters of costly)
      expect(codeOf(scrypt(document, parameters)), JSON.stringify(parameters)).toBe(
        'KEYSTORE_TOO_COSTLY',
      )
    const pbkdf2 = { dklen: 32, prf: 'hmac-sha256', salt: '00' }
    const withCount = (c: number) =>
      codeOf(changed(document, { kdf: 'pbkdf2', kdfparams: { ...pbkdf2, c } }))
    expect([withCount(262_144), withCount(2 ** 30)]).toEqual(['ok', 'KEYSTORE_TOO_COSTLY'])
  })

  it('names what is wrong with a file', async () => {
    const document = await lightFile()
    const cases: readonly (readonly [object, string])[] = [
      [{ ...document, version: 4 }, 'KEYSTORE_VERSION'],
      [{ ...document, version: '3' }, 'KEYSTORE_VERSION'],
      [{ version: 3 }, 'KEYSTORE_UNSUPPORTED'],
      [changed(document, { cipher: 'aes-256-gcm' }), 'KEYSTORE_UNSUPPORTED'],
      [changed(document, { kdf: 'argon2' }), 'KEYSTORE_UNSUPPORTED'],
      [scrypt(document, { dklen: 64 }), 'KEYSTORE_UNSUPPORTED'],
      [changed(document, { cipherparams: { iv: '00' } }), 'KEYSTORE_INVALID'],
      [changed(document, { mac: 'zz' }), 'KEYSTORE_INVALID'],
      [changed(document, { ciphertext: '' }), 'KEYSTORE_INVALID'],
      [changed(document, { ciphertext: '00'.repeat(257) }), 'KEYSTORE_INVALID'],
      [scrypt(document, { n: 3 }), 'KEYSTORE_INVALID'],
      [scrypt(document, { n: 0 }), 'KEYSTORE_INVALID'],
      [scrypt(document, { r: 1.5 }), 'KEYSTORE_INVALID'],
      [scrypt(document, { n: '2' }), 'KEYSTORE_INVALID'],
      [scrypt(document, { salt: '00'.repeat(65) }), 'KEYSTORE_INVALID'],
    ]
    for (const [broken, code] of cases) expect(codeOf(broken), JSON.stringify(broken)).toBe(code)
  })

  it('never gives another secret for a changed file', async () => {
    const document = await lightFile()
    const text = JSON.stringify(document)
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.nat(255), async (at, code) => {
        const broken = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        try {
          const keystore = parseKeystore(membersOf(broken, 'f'), 'f')
          const cost = keystore.kdf.kind === 'scrypt' ? keystore.kdf.n : keystore.kdf.c
          if (cost > 4_096) return
          // The initial vector alone is not under the MAC; the key pair is compared with its public part.
          const secret = await decryptSecret(keystore, bytesOf(PASSWORD), 'f')
          const ivBefore = parse(document).iv
          if (toHex(keystore.iv) === toHex(ivBefore))
            expect(toHex(secret)).toBe(toHex(key.privateKey))
        } catch (error) {
          expect(error).toMatchObject({ detail: { code: expect.stringMatching(/^KEY/) } })
        }
      }),
      { numRuns: 400 },
    )
  }, 30_000)
})
