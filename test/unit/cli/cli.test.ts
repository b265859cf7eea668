import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_MNEMONIC } from '../../../node/keys/mnemonic.ts'
import { cliRun } from '../../support/cliRun.ts'
import { type CliRun, runNexus } from '../../support/nexusCli.ts'
import { validDocument } from '../genesis/fixtures.ts'

let directory = ''
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-cli-'))
})
afterAll(() => fs.rmSync(directory, { recursive: true }))

/** In this process, which is ten times as fast; `the program` below runs it as people do. */
const nexus = (args: string, input = ''): Promise<CliRun> =>
  cliRun(directory, args.split(' '), { input })
const inside = (...parts: string[]): string => path.join(directory, ...parts)
const modeOf = (file: string): string => (fs.statSync(file).mode & 0o777).toString(8)
const FIRST = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'

describe('help and version', () => {
  it.each(['--help', 'help', 'devnet --help', 'init --help', 'start --help', 'keys import --help'])(
    '%s prints help with examples and succeeds',
    async (args) => {
      const { code, out, err } = await nexus(args)
      expect([code, err]).toEqual([0, ''])
      expect(out).toMatch(/Usage: nexus/)
      expect(out).toMatch(/Examples?:/)
    },
  )

  it('start --help lists every setting with its variable', async () => {
    const { out } = await nexus('start --help')
    expect(out).toContain('--consensus-timeouts-propose-base-ms')
    expect(out).toContain('(NEXUS_RPC_PORT)')
  })

  it('version tells what runs', async () => {
    const { out } = await nexus('version --json')
    const version = JSON.parse(out)
    expect(version).toMatchObject({ nexus: expect.stringMatching(/^\d+\.\d+\.\d+/) })
    expect(version.node).toBe(process.versions.node)
    expect((await nexus('--version')).out).toBe(
      `nexus/${version.nexus}/${version.platform}/node${version.node}\n`,
    )
  })
})

describe('wrong use', () => {
  it.each([
    ['nothing-of-this', "unknown command 'nothing-of-this'"],
    ['devnet --validators 17', 'integer from 1 to 16'],
    ['devnet --validators four', 'integer from 1 to 16'],
    ['devnet --block-time 5ms', 'a time from 10ms'],
    ['devnet --block-time 1h', 'a time from 10ms'],
    ['devnet --balance -1', 'number of coins'],
    ['devnet --port 70000', 'integer from 1 to 65535'],
    ['devnet --log-level loud', 'Allowed choices are debug'],
    ['devnet --unknown', "unknown option '--unknown'"],
    ['init --fund 0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266=1', 'typing mistake'],
    ['init --fund 0xf39F=1', '0x and 40 hex digits'],
    ['genesis validate', "missing required argument 'file'"],
    ['genesis create --validator alice', 'name=publicKey'],
  ])('%s ends with exit code 2', async (args, expected) => {
    const { code, out, err } = await nexus(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(expected)
  })
})

describe('init', () => {
  it('makes a home that is private and has a genesis with its validator', async () => {
    const run = await nexus(
      `init --home one --moniker alice --chain-id 77 --fund ${FIRST}=12.5 --json`,
    )
    expect(run.err).toBe('')
    const made = JSON.parse(run.out)
    expect(made).toMatchObject({ home: inside('one'), chainId: 77, validator: { inGenesis: true } })
    const genesis = JSON.parse(fs.readFileSync(inside('one/genesis.json'), 'utf8'))
    expect(genesis.validators).toEqual([
      { name: 'alice', publicKey: made.validator.publicKey, power: 1 },
    ])
    expect(genesis.accounts).toContainEqual({ address: FIRST, balance: '12500000000000000000' })
    const modes = ['one', 'one/keys', 'one/keys/validator.json', 'one/keys/node.json']
    expect(modes.map((file) => modeOf(inside(file)))).toEqual(['700', '700', '600', '600'])
    expect((await nexus('genesis hash one/genesis.json')).out).toBe(`${made.genesisHash}\n`)
  })

  it('does not touch a home that exists', async () => {
    const before = fs.readFileSync(inside('one/genesis.json'), 'utf8')
    const { code, err } = await nexus('init --home one')
    expect(code).toBe(1)
    expect(err).toContain('HOME_EXISTS')
    expect(err).toContain('What to do:')
    expect(fs.readFileSync(inside('one/genesis.json'), 'utf8')).toBe(before)
  })

  it('joins a chain with another key, or observes it', async () => {
    const joined = await nexus('init --home two --genesis one/genesis.json --json')
    expect(JSON.parse(joined.out)).toMatchObject({ chainId: 77, validator: { inGenesis: false } })
    const observer = await nexus('init --home three --genesis one/genesis.json --observer --json')
    expect(JSON.parse(observer.out).validator).toBe(null)
    expect(fs.readdirSync(inside('three/keys'))).toEqual(['node.json'])
  })

  it.each([
    ['--observer', 'OBSERVER_WITHOUT_GENESIS'],
    ['--genesis none.json', 'FILE_UNREADABLE'],
    ['--genesis broken.json', 'INVALID_GENESIS'],
    ['--peers alice', 'p2p.peers.0'],
  ])('%s leaves nothing behind', async (flags, expected) => {
    fs.writeFileSync(inside('broken.json'), '{}')
    const { code, err } = await nexus(`init --home four ${flags}`)
    expect(code).toBe(1)
    expect(err).toContain(expected)
    expect(fs.existsSync(inside('four'))).toBe(false)
  })
})

describe('keys', () => {
  it('import takes a mnemonic from standard input, and show prints nothing secret', async () => {
    const imported = await nexus('keys import --home keyed --mnemonic-file - --json', TEST_MNEMONIC)
    expect(JSON.parse(imported.out).address).toBe(FIRST)
    const shown = await nexus('keys show --home keyed --json')
    expect(JSON.parse(shown.out)).toEqual(JSON.parse(imported.out))
    expect(shown.out).not.toContain('ac0974bec39a17e3')
    const again = await nexus('keys import --home keyed --mnemonic-file - --index 1', TEST_MNEMONIC)
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('FILE_EXISTS')])
  })

  it('list says what is wrong with a file', async () => {
    await nexus('keys create --home listed')
    fs.chmodSync(inside('listed/keys/validator.json'), 0o644)
    const { out } = await nexus('keys list --home listed --json')
    expect(JSON.parse(out)).toMatchObject([
      { file: inside('listed/keys/node.json'), kind: 'node', id: expect.stringMatching(/^12D3/) },
      { file: inside('listed/keys/validator.json'), kind: 'unusable', id: 'SECRET_PERMISSIONS' },
    ])
  })

  it.each([
    ['--private-key-file -', 'xyz'],
    ['--private-key-file -', '00'.repeat(32)],
    ['--mnemonic-file -', 'one two three'],
    ['--mnemonic-file - --private-key-file -', ''],
  ])('import refuses %s < %s', async (flags, input) => {
    const { code, err } = await nexus(`keys import --home refused ${flags}`, input)
    expect(code).toBe(1)
    expect(err).toContain('KEY_NOT_READ')
    expect(fs.existsSync(inside('refused'))).toBe(false)
  })
})

describe('genesis', () => {
  it('validate names every mistake and fails', async () => {
    const document = { ...validDocument(), chainId: 0, extra: 1 }
    fs.writeFileSync(inside('wrong.json'), JSON.stringify(document))
    const { code, out, err } = await nexus('genesis validate wrong.json')
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain('chainId: OUT_OF_RANGE')
    expect(err).toContain('extra: UNKNOWN_KEY')
    const asJson = await nexus('genesis validate wrong.json --json')
    expect(asJson.code).toBe(1)
    expect(JSON.parse(asJson.out).problems.length).toBe(2)
  })

  it('create makes the genesis of several operators', async () => {
    const keys = ['alice', 'bob'].map(async (name) => {
      const { out } = await nexus(`keys create --home ${name} --json`)
      return `--validator ${name}=${JSON.parse(out).publicKey}=3`
    })
    const validators = (await Promise.all(keys)).join(' ')
    const made = await nexus(
      `genesis create --chain-id 9 -o shared.json --fund ${FIRST}=1 ${validators}`,
    )
    expect(made.out).toContain('2, total power 6')
    const joined = await nexus('init --home bob --genesis shared.json --json')
    expect(JSON.parse(joined.out)).toMatchObject({ chainId: 9, validator: { inGenesis: true } })
  })
})

describe('start', () => {
  it.each([
    ['--home nowhere', 'HOME_MISSING'],
    ['--home one --rpc-port 0', 'rpc.port: INVALID_VALUE'],
    ['--home one --log-level loud --p2p-max-peers x', 'p2p.maxPeers: INVALID_VALUE'],
  ])('%s fails before anything runs', async (flags, expected) => {
    const { code, err } = await nexus(`start ${flags}`)
    expect(code).toBe(1)
    expect(err).toContain(expected)
  })

  it('does not accept a variable that is no setting', async () => {
    const environment = { NEXUS_RPC_PROT: '1' }
    const { err } = await runNexus(['start', '--home', 'one'], { directory, environment })
    expect(err).toContain('NEXUS_RPC_PROT: UNKNOWN_VARIABLE')
  })
})

const OLD_NODE = '/usr/bin/node'
const NODES = [process.execPath, OLD_NODE].filter((file) => fs.existsSync(file))
describe.each(NODES)('the program, run by %s', (node) => {
  const run = (args: string, input = ''): Promise<CliRun> =>
    runNexus(args.split(' '), { directory, node, input })

  it('uses a Node that runs it', async () => {
    const version = await run('version --json')
    expect(Number.parseInt(JSON.parse(version.out).node, 10)).toBeGreaterThanOrEqual(24)
  })
  it('reads standard input and passes exit codes on', async () => {
    const home = path.basename(path.dirname(path.dirname(node)))
    const imported = await run(`keys import --home by-${home} --mnemonic-file -`, TEST_MNEMONIC)
    expect([imported.code, imported.out]).toEqual([0, expect.stringContaining(FIRST)])
    expect((await run('nothing')).code).toBe(2)
    const failed = await run('genesis validate none')
    expect([failed.code, failed.err]).toEqual([1, expect.stringContaining('FILE_UNREADABLE')])
  })
})
