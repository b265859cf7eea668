import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { validatorSetOf } from '../../../genesis/index.ts'
import { loadNodeConfig } from '../../../node/config.ts'
import { createTestnet, type TestnetOptions } from '../../../node/devnet/testnet.ts'
import { readGenesis } from '../../../node/home.ts'
import { loadNodeKey, peerIdOf } from '../../../node/keys/nodeKey.ts'
import { loadValidatorKey, validatorKeyFiles } from '../../../node/keys/validatorKey.ts'
import { acquireLock } from '../../../node/lock.ts'
import { cliRun } from '../../support/cliRun.ts'

let output = ''
beforeEach(() => {
  output = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-testnet-')), 'net')
})
afterEach(() => fs.rmSync(path.dirname(output), { recursive: true }))

const optionsOf = (changed: Partial<TestnetOptions> = {}): TestnetOptions => ({
  output,
  powers: [10, 10, 1],
  observers: 1,
  hosts: ['10.0.0.1', '10.0.0.2', 'node.example'],
  startingPort: 26_656,
  chainId: 7_001,
  accounts: 2,
  balance: 5n * 10n ** 18n,
  blockTimeMs: 500,
  genesisTime: Date.UTC(2026, 0, 31),
  password: null,
  force: false,
  ...changed,
})
const configOf = (home: string) =>
  loadNodeConfig({
    home,
    file: fs.readFileSync(path.join(home, 'config.json'), 'utf8'),
    environment: {},
    flags: new Map(),
  })
const modeOf = (file: string): string => (fs.statSync(file).mode & 0o777).toString(8)
const at = (...parts: string[]): string => path.join(output, ...parts)

describe('createTestnet', () => {
  it('makes homes that agree on a genesis and know each other', async () => {
    const { nodes } = await createTestnet(optionsOf())
    expect(nodes.map(({ moniker, host, address }) => [moniker, host, address])).toEqual([
      ['validator-0', '10.0.0.1', '/ip4/10.0.0.1/tcp/26656'],
      ['validator-1', '10.0.0.2', '/ip4/10.0.0.2/tcp/26656'],
      ['validator-2', 'node.example', '/dns4/node.example/tcp/26656'],
      ['observer-0', '10.0.0.1', '/ip4/10.0.0.1/tcp/26666'],
    ])
    const set = validatorSetOf(readGenesis(at('genesis.json')).value)
    expect(set.validators.map(({ power }) => power)).toEqual([10, 10, 1])
    for (const [i, { home, peerId, ports }] of nodes.entries()) {
      expect(fs.readFileSync(path.join(home, 'genesis.json'))).toEqual(
        fs.readFileSync(at('genesis.json')),
      )
      const config = configOf(home)
      expect(peerIdOf(loadNodeKey(config.paths.nodeKey))).toBe(peerId)
      expect(config.p2p.peers).toEqual(
        nodes
          .filter((_, other) => other !== i)
          .map((other) => `${other.address}/p2p/${other.peerId}`),
      )
      expect(config.p2p.listen).toEqual([`/ip4/0.0.0.0/tcp/${ports.p2p}`])
      expect([config.rpc.host, config.rpc.port, config.metrics.port]).toEqual([
        '127.0.0.1',
        ports.p2p + 1,
        ports.p2p + 2,
      ])
      expect(modeOf(config.paths.nodeKey)).toBe('600')
      expect(config.validatorKeyFile === null).toBe(i === 3)
      if (i < 3) {
        expect(set.indexOf(loadValidatorKey(config.paths.validatorKey).address)).toBe(i)
        expect(modeOf(config.paths.validatorKey)).toBe('600')
      } else expect(fs.existsSync(config.paths.validatorKey)).toBe(false)
    }
    expect(modeOf(at('validator-0', 'start.sh'))).toBe('755')
    expect(fs.readFileSync(at('README.md'), 'utf8')).toContain('/dns4/node.example/tcp/26656')
  })

  it('replaces one only when told so, and never what is not its own or in use', async () => {
    await createTestnet(optionsOf())
    const before = fs.readFileSync(at('genesis.json'), 'utf8')
    await expect(createTestnet(optionsOf())).rejects.toMatchObject({
      detail: { code: 'OUTPUT_EXISTS' },
    })
    const lock = acquireLock(at('validator-1', 'node.lock'))
    await expect(createTestnet(optionsOf({ force: true }))).rejects.toMatchObject({
      detail: { code: 'LOCKED', pid: process.pid },
    })
    lock.release()
    expect(fs.readFileSync(at('genesis.json'), 'utf8')).toBe(before)
    await createTestnet(optionsOf({ force: true, observers: 0 }))
    expect(fs.readFileSync(at('genesis.json'), 'utf8')).not.toBe(before)
    expect(fs.existsSync(at('observer-0'))).toBe(false)
    fs.writeFileSync(at('thesis.txt'), 'years of work')
    await expect(createTestnet(optionsOf({ force: true }))).rejects.toMatchObject({
      detail: { code: 'OUTPUT_FOREIGN' },
    })
    expect(fs.readdirSync(output)).toContain('validator-0')
  })

  it('encrypts the keys when there is a password', async () => {
    const password = new TextEncoder().encode('correct horse')
    const { encrypted } = await createTestnet(optionsOf({ password, powers: [1], observers: 0 }))
    expect(encrypted).toBe(true)
    const file = at('validator-0', 'keys', 'validator.json')
    expect(() => loadValidatorKey(file)).toThrow(
      expect.objectContaining({ detail: expect.objectContaining({ code: 'KEY_ENCRYPTED' }) }),
    )
    const key = await validatorKeyFiles.open(file, async () => password)
    const set = validatorSetOf(readGenesis(at('genesis.json')).value)
    expect(set.indexOf(key.address)).toBe(0)
    expect(fs.readFileSync(at('validator-0', 'start.sh'), 'utf8')).toContain('--password-file')
  }, 60_000)
})

describe('nexus testnet', () => {
  const run = (...args: string[]) => cliRun(path.dirname(output), ['testnet', ...args])

  it('prints what it made for people and for scripts', async () => {
    const { code, out } = await run('--validators', '2', '--output', 'net', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(JSON.parse(fs.readFileSync(at('testnet.json'), 'utf8')))
    expect((await run('--output', 'net', '--powers', '10,1', '--force')).out).toMatch(
      /validator-1 .*power 1 /,
    )
  })

  it('reads machines from a file', async () => {
    fs.writeFileSync(path.join(path.dirname(output), 'hosts'), '10.0.0.7 # first\n\n::1\n')
    const { out } = await run(
      '--output',
      'net',
      '--hosts-file',
      'hosts',
      '--json',
      '--validators',
      '2',
    )
    expect(JSON.parse(out).nodes.map(({ host }: { host: string }) => host)).toEqual([
      '10.0.0.7',
      '::1',
    ])
  })

  it.each([
    [['--powers', '1,2', '--validators', '3'], 1, 'POWERS_DIFFER'],
    [['--powers', '1,0'], 2, 'integer'],
    [['--hosts', 'a b'], 2, 'host names'],
    [['--hosts-file', 'missing'], 1, 'FILE_UNREADABLE'],
    [['--genesis-time', 'tomorrow'], 2, 'such as'],
  ])('refuses %j', async (args, exitCode, message) => {
    const { code, err } = await run('--output', 'net', ...args)
    expect(code).toBe(exitCode)
    expect(err).toContain(message)
  })
})
