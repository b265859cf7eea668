import { describe, expect, it } from 'vitest'
import { configSchema, defaultConfigValues } from '../../../node/config/schema.ts'
import { SETTINGS } from '../../../node/config/settings.ts'
import { type ConfigSources, defaultNodeConfig, loadNodeConfig } from '../../../node/config.ts'

const HOME = '/home/alice/node'
const PEER = '/ip4/10.0.0.2/tcp/26656/p2p/12D3KooWGRUFG2BrbQnBzTfNxE2rGxAXpo7hBTrmSU7aTRXNaHKd'

const load = (sources: Partial<ConfigSources>) =>
  loadNodeConfig({ home: HOME, file: null, environment: {}, flags: new Map(), ...sources })

function problemsOf(sources: Partial<ConfigSources>): string[] {
  try {
    load(sources)
    return []
  } catch (error) {
    expect(error).toMatchObject({ detail: { code: 'INVALID_CONFIG' } })
    return (error as Error).message.split('\n')
  }
}

const file = (values: object): string => JSON.stringify(values)

describe('loadNodeConfig', () => {
  it('gives the defaults when nothing is said', () => {
    expect(load({})).toEqual(defaultNodeConfig(HOME))
    expect(configSchema.parse(defaultConfigValues)).toEqual(defaultConfigValues)
  })

  it('puts flags before environment before file before defaults', () => {
    const sources = {
      file: file({
        rpc: { port: 1_001, host: '10.0.0.1' },
        metrics: { port: 1_001 },
        moniker: 'file',
      }),
      environment: { NEXUS_RPC_PORT: '1002', NEXUS_METRICS_PORT: '1002', PATH: '/bin' },
      flags: new Map([['rpc.port', '1003']]),
    }
    const config = load(sources)
    expect(config.rpc.port).toBe(1_003)
    expect(config.metrics.port).toBe(1_002)
    expect([config.rpc.host, config.moniker]).toEqual(['10.0.0.1', 'file'])
    expect(config.log.level).toBe('info')
  })

  it('is frozen at every depth', () => {
    const config = load({}) as unknown as {
      rpc: { limits: { logs: number } }
      p2p: { peers: string[] }
    }
    expect(() => {
      config.rpc.limits.logs = 1
    }).toThrow(TypeError)
    expect(() => config.p2p.peers.push('x')).toThrow(TypeError)
    expect(Object.isFrozen(defaultConfigValues)).toBe(false)
  })

  it('reads lists, switches and the absence of a key from text', () => {
    const config = load({
      environment: {
        NEXUS_P2P_PEERS: `${PEER}, ${PEER}`,
        NEXUS_RPC_ENABLED: 'false',
        NEXUS_RPC_CORS_ORIGINS: '',
      },
      flags: new Map([['validatorKeyFile', 'none']]),
    })
    expect(config.p2p.peers).toEqual([PEER, PEER])
    expect(config.rpc.enabled).toBe(false)
    expect(config.rpc.corsOrigins).toEqual([])
    expect(config.validatorKeyFile).toBe(null)
  })

  it('resolves the validator key against the home', () => {
    expect(load({}).paths.validatorKey).toBe(`${HOME}/keys/validator.json`)
    const flags = new Map([['validatorKeyFile', '/media/key.json']])
    expect(load({ flags }).paths.validatorKey).toBe('/media/key.json')
  })
})

describe('loadNodeConfig refuses', () => {
  it('with all problems in one message, each with its origin', () => {
    const problems = problemsOf({
      file: '{"rpc":{"port":0,"ports":1},"p2p":{"peers":["alice"]},"log":[],"__proto__":{}}',
      environment: { NEXUS_RPC_HOST: 'a b', NEXUS_RPC_PRT: '1' },
      flags: new Map([['metrics.port', 'x']]),
    })
    const expected = [
      'NEXUS_RPC_PRT: UNKNOWN_VARIABLE',
      'rpc.host: INVALID_VALUE',
      'rpc.port: INVALID_VALUE',
      'rpc.ports: UNKNOWN_KEY',
      'metrics.port: INVALID_VALUE',
      'p2p.peers.0: INVALID_VALUE',
      'log: INVALID_VALUE',
      '__proto__: UNKNOWN_KEY',
    ]
    expect(problems.map((problem) => problem.split(': ').slice(0, 2).join(': ')).sort()).toEqual(
      expected.sort(),
    )
    const text = problems.join('\n')
    expect(text).toContain('found "a b" (NEXUS_RPC_HOST)')
    expect(text).toContain('found "x" (--metrics-port)')
    expect(text).toContain('found 0 (config.json)')
  })

  it.each([
    ['no JSON', '{', 'NOT_JSON'],
    ['not an object', '[]', 'expected an object'],
    ['a key twice', '{"moniker":"a","moniker":"b"}', 'moniker: DUPLICATE_KEY'],
    ['a fraction', '{"rpc":{"port":80.5}}', 'rpc.port: INVALID_VALUE'],
    ['a number as text', '{"rpc":{"port":"80"}}', 'rpc.port: INVALID_VALUE'],
    [
      'a peer without its id',
      '{"p2p":{"peers":["/ip4/1.2.3.4/tcp/1"]}}',
      'p2p.peers.0: INVALID_VALUE',
    ],
    ['no address to listen on', '{"p2p":{"listen":[]}}', 'p2p.listen: INVALID_VALUE'],
    ['an origin without a scheme', '{"rpc":{"corsOrigins":["app.example"]}}', 'rpc.corsOrigins.0'],
  ])('a file with %s', (_, text, expected) => {
    const problems = problemsOf({ file: text })
    expect(problems.length).toBe(1)
    expect(problems[0]).toContain(expected)
  })
})

describe('SETTINGS', () => {
  it('give every setting one flag and one variable', () => {
    expect(new Set(SETTINGS.map(({ flag }) => flag)).size).toBe(SETTINGS.length)
    expect(new Set(SETTINGS.map(({ variable }) => variable)).size).toBe(SETTINGS.length)
    expect(SETTINGS).toContainEqual(
      expect.objectContaining({
        path: 'rpc.corsOrigins',
        flag: '--rpc-cors-origins',
        variable: 'NEXUS_RPC_CORS_ORIGINS',
        kind: 'list',
      }),
    )
  })

  it('reach every value of the configuration', () => {
    const leaves = (value: unknown, keys: string[]): string[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, member]) => leaves(member, [...keys, key]))
        : [keys.join('.')]
    expect(SETTINGS.map(({ path }) => path)).toEqual(leaves(defaultConfigValues, []))
  })
})
