import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_MNEMONIC } from '../../../node/keys/mnemonic.ts'
import { cliRun } from '../../support/cliRun.ts'
import type { CliRun } from '../../support/nexusCli.ts'

let directory = ''
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-keys-cli-'))
  write('password', 'correct horse\n')
  write('other', 'battery staple\n')
})
afterAll(() => fs.rmSync(directory, { recursive: true }))

const inside = (...parts: string[]): string => path.join(directory, ...parts)
const write = (name: string, text: string): void =>
  fs.writeFileSync(inside(name), text, { mode: 0o600 })
const FIRST = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const SECRET = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'

/** `typed`: what a person answers on the terminal; none: there is no terminal. */
const nexus = (args: string, typed?: string[], input = ''): Promise<CliRun> =>
  cliRun(directory, args.split(' '), { input, ...(typed === undefined ? {} : { typed }) })
const failure = async (args: string, typed?: string[]): Promise<string> => {
  const { code, err } = await nexus(args, typed)
  expect(code, args).toBe(1)
  return err
}

describe('a validator key with a password', () => {
  it('is made with a password from a file or from a terminal', async () => {
    const made = await nexus('keys create --home a --password-file password --json')
    expect(made.err).toBe('')
    expect(JSON.parse(made.out)).toMatchObject({ encrypted: true })
    const typed = ['correct horse', 'correct horse']
    const init = await nexus('init --home b --encrypt --json', typed)
    expect([init.err, typed]).toEqual(['', []])
    const shown = await nexus('keys show --home b --json')
    expect(JSON.parse(shown.out)).toMatchObject({
      address: JSON.parse(init.out).validator.address,
      encrypted: true,
    })
    expect(await failure('init --home c --encrypt')).toContain('PASSWORD_NEEDED')
    expect(await failure('init --home c --encrypt', ['short'])).toContain('PASSWORD_SHORT')
    expect(fs.existsSync(inside('c'))).toBe(false)
  }, 30_000)

  it('goes through encrypt, change-password, export, import and decrypt unchanged', async () => {
    await nexus('keys import --home d --mnemonic-file -', undefined, TEST_MNEMONIC)
    const file = inside('d/keys/validator.json')
    expect(fs.readFileSync(file, 'utf8')).toContain(SECRET)
    expect((await nexus('keys encrypt --home d --password-file password')).err).toBe('')
    expect(fs.readFileSync(file, 'utf8')).not.toContain(SECRET)
    expect(await failure('keys encrypt --home d --password-file password')).toContain(
      'KEY_ENCRYPTED',
    )
    const change = 'keys change-password --home d --password-file'
    expect(await failure(`${change} other --new-password-file password`)).toContain(
      'KEYSTORE_PASSWORD',
    )
    expect((await nexus(`${change} password --new-password-file other`)).err).toBe('')
    const exported = await nexus(
      'keys export --home d -o out/backup.json --password-file other --new-password-file password',
    )
    expect(exported.err).toBe('')
    const imported = await nexus(
      'keys import --home e --keystore-file out/backup.json --password-file password --json',
    )
    expect(JSON.parse(imported.out)).toMatchObject({ address: FIRST, encrypted: false })
    expect((await nexus('keys decrypt --home d --password-file other')).err).toBe('')
    expect(fs.readFileSync(file, 'utf8')).toBe(
      fs.readFileSync(inside('e/keys/validator.json'), 'utf8'),
    )
    expect(await failure(`${change} other --new-password-file password`)).toContain(
      'KEY_NOT_ENCRYPTED',
    )
    expect(await failure('keys export --home d -o out/backup.json --unencrypted')).toContain(
      'FILE_EXISTS',
    )
  }, 60_000)

  it('is listed with what anybody may know of it', async () => {
    const { out } = await nexus('keys list --home a --json')
    expect(JSON.parse(out)).toMatchObject([
      { kind: 'node', encrypted: false },
      { kind: 'validator', encrypted: true, id: expect.stringMatching(/^0x/) },
    ])
  })
})

describe('keys guard', () => {
  it('makes a state once, above what may have been signed, and shows it', async () => {
    await nexus('init --home g --chain-id 77')
    expect(await failure('keys guard --home g')).toContain('LAST_SIGNED_MISSING')
    expect(await failure('keys guard --home g --create')).toContain('GUARD_HEIGHT_MISSING')
    const made = await nexus('keys guard --home g --create --above 500 --json')
    expect(JSON.parse(made.out)).toMatchObject({ chainId: 77, height: 500, step: 'precommit' })
    expect(await failure('keys guard --home g --create --above 0')).toContain('LAST_SIGNED_EXISTS')
    expect((await nexus('keys guard --home g')).out).toContain('precommit of height 500')
  })
})

describe('keys create', () => {
  it('makes the state of a new key where an observer has data already', async () => {
    await nexus('init --home chain --chain-id 77')
    await nexus('init --home observer --observer --genesis chain/genesis.json')
    fs.mkdirSync(inside('observer/data'), { mode: 0o700 })
    expect((await nexus('keys create --home observer')).err).toBe('')
    const shown = await nexus('keys guard --home observer --json')
    expect(JSON.parse(shown.out)).toMatchObject({ chainId: 77, height: 0, step: null })
  })
})

describe('signer', () => {
  it('shows how two machines are joined', async () => {
    const { out } = await nexus('signer --help')
    expect(out).toContain('ssh -N -L 127.0.0.1:26670')
    expect(out).toContain('--password-file')
  })

  it('init makes key, secret and state, and keeps what there is', async () => {
    const made = await nexus('signer init --home s --chain-id 77 --json')
    expect(made.err).toBe('')
    expect(fs.readdirSync(inside('s')).sort()).toEqual(['last-signed', 'secret', 'validator.json'])
    const modes = ['s', 's/secret', 's/validator.json', 's/last-signed'].map((name) =>
      (fs.statSync(inside(name)).mode & 0o777).toString(8),
    )
    expect(modes).toEqual(['700', '600', '600', '600'])
    const again = await nexus('signer init --home s --chain-id 77 --json')
    expect(JSON.parse(again.out)).toEqual(JSON.parse(made.out))
  })

  it('init does not believe that a key that is there never signed', async () => {
    await nexus('signer init --home t --chain-id 77')
    fs.rmSync(inside('t/last-signed'))
    expect(await failure('signer init --home t --chain-id 77')).toContain('GUARD_HEIGHT_MISSING')
    expect((await nexus('signer init --home t --chain-id 77 --above 9')).err).toBe('')
  })

  it('says what is missing before it starts', async () => {
    expect(await failure('signer --home s')).toContain('CHAIN_ID_MISSING')
    expect(await failure('signer --home nothing --chain-id 77')).toContain('SIGNER_HOME_MISSING')
    expect(await failure('signer --home s --chain-id 77 --socket tcp:0.0.0.0:1')).toContain(
      'SIGNER_ADDRESS',
    )
  })
})
