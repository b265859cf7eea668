import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { validatorSetOf } from '../../../genesis/index.ts'
import { loadNodeConfig } from '../../../node/config.ts'
import { testAccounts } from '../../../node/devnet/chainHomes.ts'
import {
  claimDirectory,
  createDevnet,
  openDevnet,
  resetDevnet,
  validatorPaths,
  writeConfigs,
} from '../../../node/devnet/files.ts'
import { defaultDevnetChain, portsFrom } from '../../../node/devnet/options.ts'
import { portsOf } from '../../../node/devnet/ports.ts'
import { readGenesis } from '../../../node/home.ts'
import { loadNodeKey, peerIdOf } from '../../../node/keys/nodeKey.ts'
import { loadValidatorKey } from '../../../node/keys/validatorKey.ts'

const NOW = Date.UTC(2026, 0, 31)
let data = ''
beforeEach(() => {
  data = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-devnet-'))
})
afterEach(() => fs.rmSync(data, { recursive: true }))

const withCode = (code: string) =>
  expect.objectContaining({ detail: expect.objectContaining({ code }) })

describe('createDevnet', () => {
  it('gives every validator its home, its place in the set, and the same genesis', async () => {
    const chain = await createDevnet(data, { validators: 3, accounts: 2 }, NOW)
    expect(chain).toEqual({ ...defaultDevnetChain, validators: 3, accounts: 2 })
    const { text, value: genesis } = readGenesis(validatorPaths(data, 0).genesis)
    const set = validatorSetOf(genesis)
    expect(set.size).toBe(3)
    for (let i = 0; i < 3; i++) {
      const paths = validatorPaths(data, i)
      expect(readGenesis(paths.genesis).text).toBe(text)
      expect(set.indexOf(loadValidatorKey(paths.validatorKey).address)).toBe(i)
    }
    const balances = testAccounts(2).map(
      ({ address }) =>
        genesis.accounts.find((account) => Buffer.from(account.address).equals(address))?.balance,
    )
    expect(balances).toEqual([10_000n * 10n ** 18n, 10_000n * 10n ** 18n])
  })

  it('is found again, whatever part of it is asked for', async () => {
    const chain = await createDevnet(data, { validators: 2, balance: 7n, blockTimeMs: 250 }, NOW)
    expect(openDevnet(data, {})).toEqual(chain)
    expect(openDevnet(data, { validators: 2, balance: 7n })).toEqual(chain)
  })

  it('refuses to become another chain, naming every difference', async () => {
    await createDevnet(data, { validators: 2 }, NOW)
    const asked = { validators: 4, blockTimeMs: 250, accounts: 10 }
    expect(() => openDevnet(data, asked)).toThrow(withCode('DEVNET_CONFLICT'))
    expect(() => openDevnet(data, asked)).toThrow(
      /--validators: .* 2, .* 4\n--block-time: .* 1000, .* 250$/,
    )
  })
})

describe('a directory', () => {
  it('of other files is never a devnet and never deleted', () => {
    fs.writeFileSync(path.join(data, 'thesis.txt'), '')
    expect(() => claimDirectory(data)).toThrow(withCode('DEVNET_FOREIGN_DATA'))
    resetDevnet(data)
    expect(fs.readdirSync(data)).toEqual(['thesis.txt'])
  })

  it('is empty after a reset, but for the lock', async () => {
    await createDevnet(data, { validators: 1 }, NOW)
    fs.writeFileSync(path.join(data, 'devnet.lock'), '')
    claimDirectory(data)
    resetDevnet(data)
    expect(fs.readdirSync(data)).toEqual(['devnet.lock'])
    expect(openDevnet(data, {})).toBe(null)
  })

  it('of a start that was interrupted says so', async () => {
    await createDevnet(data, { validators: 1 }, NOW)
    fs.rmSync(path.join(data, 'devnet.json'))
    expect(() => openDevnet(data, {})).toThrow(withCode('DEVNET_INCOMPLETE'))
    fs.writeFileSync(path.join(data, 'devnet.json'), '{"format":1}')
    expect(() => openDevnet(data, {})).toThrow(withCode('DEVNET_INCOMPLETE'))
  })
})

describe('writeConfigs', () => {
  const configOf = (index: number) =>
    loadNodeConfig({
      home: validatorPaths(data, index).home,
      file: fs.readFileSync(validatorPaths(data, index).config, 'utf8'),
      environment: {},
      flags: new Map(),
    })

  it('connects every validator to all others, on the ports of this start', async () => {
    const chain = await createDevnet(data, { validators: 3 }, NOW)
    writeConfigs(data, chain, { ports: portsFrom({ rpc: 18_545 }), logLevel: 'debug' })
    const ids = [0, 1, 2].map((i) => peerIdOf(loadNodeKey(validatorPaths(data, i).nodeKey)))
    const config = configOf(1)
    expect([config.rpc.port, config.metrics.port, config.log.level]).toEqual([
      18_546,
      19_546,
      'debug',
    ])
    expect(config.p2p.listen).toEqual(['/ip4/127.0.0.1/tcp/36657'])
    expect(config.p2p.peers).toEqual([
      `/ip4/127.0.0.1/tcp/36656/p2p/${ids[0]}`,
      `/ip4/127.0.0.1/tcp/36658/p2p/${ids[2]}`,
    ])
  })

  it('keeps what a person changed', async () => {
    const chain = await createDevnet(data, { validators: 1 }, NOW)
    const file = validatorPaths(data, 0).config
    fs.writeFileSync(file, '{"rpc":{"port":1,"limits":{"logs":5}},"storage":{"historyBlocks":9}}')
    writeConfigs(data, chain, { ports: portsFrom({}), logLevel: 'info' })
    const config = configOf(0)
    expect([config.rpc.port, config.rpc.limits.logs, config.storage.historyBlocks]).toEqual([
      8545, 5, 9,
    ])
  })
})

describe('ports', () => {
  it('are those that tools rely on, and move together', () => {
    expect(portsFrom({})).toEqual({ rpc: 8545, metrics: 9545, p2p: 26_656 })
    expect(portsFrom({ rpc: 9_000 })).toEqual({ rpc: 9_000, metrics: 10_000, p2p: 27_111 })
    expect(portsFrom({ rpc: 50_000, metrics: 7 })).toEqual({ rpc: 50_000, metrics: 7, p2p: 52_000 })
  })
  it('are refused when two are the same or beyond the last', () => {
    expect(() => portsOf(portsFrom({ rpc: 8545, metrics: 8547 }), 4)).toThrow(withCode('BAD_PORTS'))
    expect(() => portsOf(portsFrom({ rpc: 65_000, metrics: 1_000, p2p: 2_000 }), 4)).not.toThrow()
    expect(() => portsOf(portsFrom({ rpc: 65_533, metrics: 1_000, p2p: 2_000 }), 4)).toThrow(
      withCode('BAD_PORTS'),
    )
  })
})
