import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toHex } from '../../../core/primitives/bytes.ts'
import { checksumAddress } from '../../../core/primitives/checksumAddress.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import {
  createSecretFile,
  readSecretFile,
  readTextFile,
  writeFileAtomic,
} from '../../../node/keys/files.ts'
import { accountsOf, TEST_MNEMONIC } from '../../../node/keys/mnemonic.ts'
import { generateNodeKey, loadNodeKey, peerIdOf, saveNodeKey } from '../../../node/keys/nodeKey.ts'
import {
  generateValidatorKey,
  loadValidatorKey,
  saveValidatorKey,
  validatorKeyOf,
} from '../../../node/keys/validatorKey.ts'

let directory = ''
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-keys-'))
})
afterEach(() => fs.rmSync(directory, { recursive: true }))

const inKeys = (name: string): string => path.join(directory, 'keys', name)
const modeOf = (file: string): string => (fs.statSync(file).mode & 0o777).toString(8)
const withCode = (code: string) =>
  expect.objectContaining({ detail: expect.objectContaining({ code }) })
const seeded = (length: number): Uint8Array => keccak256(Uint8Array.of(1)).slice(0, length)

describe('validator key file', () => {
  it('comes back as it was written, for its owner only', () => {
    const key = generateValidatorKey(seeded)
    const file = inKeys('validator.json')
    saveValidatorKey(file, key)
    expect(loadValidatorKey(file)).toEqual(key)
    expect(modeOf(file)).toBe('600')
    expect(modeOf(path.dirname(file))).toBe('700')
    expect(fs.readdirSync(path.dirname(file))).toEqual(['validator.json'])
  })

  it('is never overwritten', () => {
    const file = inKeys('validator.json')
    saveValidatorKey(file, generateValidatorKey(seeded))
    const before = fs.readFileSync(file, 'utf8')
    const other = generateValidatorKey(() => keccak256(Uint8Array.of(2)))
    expect(() => saveValidatorKey(file, other)).toThrow(withCode('FILE_EXISTS'))
    expect(fs.readFileSync(file, 'utf8')).toBe(before)
    expect(fs.readdirSync(path.dirname(file))).toEqual(['validator.json'])
  })

  it('draws again when the bytes are no key', () => {
    const draws = [new Uint8Array(32), new Uint8Array(32).fill(0xff), seeded(32)]
    expect(generateValidatorKey(() => draws.shift() as Uint8Array)).toEqual(
      validatorKeyOf(seeded(32)),
    )
  })

  const MISTAKES: readonly (readonly [string, (text: string) => string])[] = [
    ['is not JSON', () => 'secret'],
    ['has another type', (text) => text.replace('nexus-validator-key', 'nexus-node-key')],
    ['misses a part', (text) => text.replace(/\n {2}"address".*\n/, '\n')],
    ['has an unknown part', (text) => text.replace('{', '{"power": "1",')],
    ['has another address', (text) => text.replace(/"address": "0x../, '"address": "0x00')],
    [
      'has another public key',
      (text) =>
        text.replace(/"publicKey": "0x(02|03)/, (whole, sign) =>
          whole.replace(/..$/, sign === '02' ? '03' : '02'),
        ),
    ],
    [
      'has a private key of zero',
      (text) => text.replace(/"privateKey": "0x.*"/, `"privateKey": "0x${'00'.repeat(32)}"`),
    ],
  ]
  it.each(MISTAKES)('is refused when it %s', (_, change) => {
    const file = inKeys('validator.json')
    saveValidatorKey(file, generateValidatorKey(seeded))
    const changed = change(fs.readFileSync(file, 'utf8'))
    fs.writeFileSync(file, changed)
    expect(() => loadValidatorKey(file)).toThrow(withCode('KEY_INVALID'))
  })

  it('does not print its contents when it is refused', () => {
    const file = inKeys('validator.json')
    const key = generateValidatorKey(seeded)
    saveValidatorKey(file, key)
    const secret = toHex(key.privateKey)
    fs.writeFileSync(
      file,
      fs.readFileSync(file, 'utf8').replace('"0x', '0x').replace('privateKey": ', ''),
    )
    let message = ''
    try {
      loadValidatorKey(file)
    } catch (error) {
      message = `${(error as Error).message} ${JSON.stringify((error as { detail?: object }).detail)}`
    }
    expect(message).toContain('not a key file')
    expect(message).not.toContain(secret.slice(0, 8))
  })
})

describe.skipIf(process.platform === 'win32')('secret files', () => {
  it.each([
    ['the file may be read by the group', 0o640, 0o700],
    ['the file may be read by all', 0o604, 0o700],
    ['the directory may be listed by all', 0o600, 0o755],
    ['the directory may be changed by the group', 0o600, 0o770],
  ])('are refused when %s', (_, fileMode, directoryMode) => {
    const file = inKeys('secret')
    createSecretFile(file, 'text')
    expect(readSecretFile(file)).toBe('text')
    fs.chmodSync(file, fileMode)
    fs.chmodSync(path.dirname(file), directoryMode)
    expect(() => readSecretFile(file)).toThrow(withCode('SECRET_PERMISSIONS'))
  })

  it('are private whatever the umask', () => {
    const before = process.umask(0)
    try {
      createSecretFile(inKeys('secret'), 'text')
    } finally {
      process.umask(before)
    }
    expect(modeOf(inKeys('secret'))).toBe('600')
    expect(modeOf(path.dirname(inKeys('secret')))).toBe('700')
  })

  it('have their own code when they are missing', () => {
    expect(() => readSecretFile(inKeys('none'))).toThrow(withCode('SECRET_MISSING'))
  })
})

describe('writeFileAtomic', () => {
  it('replaces the contents and leaves nothing beside', () => {
    const file = path.join(directory, 'config.json')
    writeFileAtomic(file, 'one')
    writeFileAtomic(file, 'two')
    expect(readTextFile(file)).toBe('two')
    expect(fs.readdirSync(directory)).toEqual(['config.json'])
  })
  it('says why it cannot', () => {
    expect(() => writeFileAtomic(path.join(directory, 'no', 'file'), '')).toThrow(
      withCode('FILE_UNWRITABLE'),
    )
  })
})

describe('node key file', () => {
  it('comes back with the same peer id', async () => {
    const key = await generateNodeKey()
    saveNodeKey(inKeys('node.json'), key)
    const loaded = loadNodeKey(inKeys('node.json'))
    expect(loaded.equals(key)).toBe(true)
    expect(peerIdOf(loaded)).toMatch(/^12D3KooW/)
    expect(modeOf(inKeys('node.json'))).toBe('600')
  })

  it('is refused when the peer id is not that of the key', async () => {
    const [key, other] = [await generateNodeKey(), await generateNodeKey()]
    saveNodeKey(inKeys('node.json'), key)
    const text = fs.readFileSync(inKeys('node.json'), 'utf8')
    fs.writeFileSync(inKeys('node.json'), text.replace(peerIdOf(key), peerIdOf(other)))
    expect(() => loadNodeKey(inKeys('node.json'))).toThrow(withCode('KEY_INVALID'))
  })
})

describe('accountsOf', () => {
  it('derives the accounts that every test tool knows', () => {
    const accounts = accountsOf(TEST_MNEMONIC, 2)
    if (!accounts.ok) throw new Error(accounts.code)
    expect(accounts.value.map(({ address }) => checksumAddress(address))).toEqual([
      '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
      '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
    ])
    expect(toHex(accounts.value[0]?.privateKey as Uint8Array)).toBe(
      'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
    )
  })
  it('starts anywhere', () => {
    const all = accountsOf(TEST_MNEMONIC, 3)
    const last = accountsOf(TEST_MNEMONIC, 1, 2)
    if (!all.ok || !last.ok) throw new Error('refused')
    expect(last.value[0]).toEqual(all.value[2])
  })
  it('refuses words with a wrong checksum', () => {
    expect(accountsOf(TEST_MNEMONIC.replace('junk', 'test'), 1)).toMatchObject({
      code: 'BAD_MNEMONIC',
    })
  })
})
