// What operators do with nodes that run and nodes that do not, on one real chain.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { callNode } from '../../node/cli/nodeClient.ts'
import { homePaths } from '../../node/config/paths.ts'
import { accountOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll, temporaryDirectory } from '../support/devnet.ts'
import { ask, call } from '../support/jsonRpc.ts'
import { runNexus } from '../support/nexusCli.ts'
import { findPorts } from '../support/ports.ts'
import { NexusProcess } from '../support/processes.ts'
import { headOf, type RpcBlock } from '../support/sameChain.ts'
import { until } from '../support/wait.ts'

let net: Devnet
beforeAll(async () => {
  net = await Devnet.start({ validators: 4, args: ['--block-time', '200ms'] })
}, 90_000)
afterAll(disposeAll)

const directory = temporaryDirectory('operator')
const nexus = async (...args: string[]) => runNexus(args, { directory })
async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { code, out, err } = await nexus(...args, '--json')
  expect(code, err).toBe(0)
  return JSON.parse(out) as T
}
const homeOf = (index: number): string => net.validator(index).home
const urlOf = (index: number): string => net.validator(index).rpc
const blockOf = (index: number, height: number): Promise<RpcBlock> =>
  call<RpcBlock>(urlOf(index), 'eth_getBlockByNumber', [`0x${height.toString(16)}`, false])
const reaches = (index: number, height: number): Promise<true> =>
  until({ what: `validator ${index} to reach ${height}`, timeoutMs: 60_000 }, async () =>
    headOf(urlOf(index)).then(
      (head) => head >= height,
      () => false,
    ),
  )

describe('an operator', () => {
  test('asks a running node what it does', async () => {
    await reaches(0, 3)
    const status = await json('status', '--home', homeOf(0))
    expect(status).toMatchObject({
      kind: 'running',
      status: 'ok',
      chainId: 3940,
      moniker: 'validator-0',
      peers: 3,
      catchingUp: false,
      pid: net.pidOf(0),
      totalPower: 4,
      validator: { address: expect.stringMatching(/^0x/), power: 1 },
    })
    const remote = await json('status', '--url', urlOf(1))
    expect(remote).toMatchObject({ moniker: 'validator-1', disk: null })
    const block = await json('inspect', 'block', 'latest', '--home', homeOf(0))
    expect(block).toMatchObject({ source: 'rpc' })
    const state = await nexus('inspect', 'state', '--home', homeOf(0))
    expect(state.code).toBe(1)
    expect(state.err).toContain('LOCKED')
  })

  test('asks for its peers, and refuses one for a while', async () => {
    type Peer = { id: string; moniker: string; score: number; bytesReceived: number }
    const peers = await json<Peer[]>('peers', '--home', homeOf(0))
    expect(peers.map(({ moniker }) => moniker).sort()).toEqual([
      'validator-1',
      'validator-2',
      'validator-3',
    ])
    for (const { bytesReceived } of peers) expect(bytesReceived).toBeGreaterThan(0)
    const { id } = peers.find(({ moniker }) => moniker === 'validator-2') as Peer
    await json('peers', 'ban', id, '--for', '1m', '--home', homeOf(0))
    const left = async () => (await json<Peer[]>('peers', 'list', '--home', homeOf(0))).length
    await until({ what: 'the peer to be gone' }, async () => (await left()) === 2)
    expect(await json('peers', 'bans', '--home', homeOf(0))).toMatchObject([{ id }])
    expect(await json('peers', 'unban', id, '--home', homeOf(0))).toMatchObject({ wasBanned: true })
    await until({ what: 'the peer to come back' }, async () => (await left()) === 3)
    const publicAnswer = await ask(urlOf(0), 'admin_peers')
    expect(publicAnswer).toMatchObject({ kind: 'error', code: -32601 })
  })

  test('lets a running node say more, its RPC too, and less again', async () => {
    const { adminSocket, log } = homePaths(homeOf(1))
    const level = (name: string): Promise<unknown> =>
      callNode({ kind: 'socket', path: adminSocket }, 'admin_setLogLevel', [name])
    const said = (): boolean => {
      const lines = readFileSync(log, 'utf8').split('\n')
      return lines.some((line) => line.includes('Call answered') && line.includes('web3_sha3'))
    }
    const asks = (): Promise<unknown> => call(urlOf(1), 'web3_sha3', ['0x00'])
    await asks()
    expect(said()).toBe(false)
    expect(await level('debug')).toBe(true)
    await until({ what: 'a line of the RPC thread' }, async () => {
      await asks()
      return said()
    })
    expect(await level('info')).toBe(true)
  })

  test('a ban outlives a restart', async () => {
    type Peer = { id: string; moniker: string }
    const peers = await json<Peer[]>('peers', '--home', homeOf(0))
    const { id } = peers.find(({ moniker }) => moniker === 'validator-3') as Peer
    await json('peers', 'ban', id, '--for', '10m', '--home', homeOf(0))
    const bans = () => json<{ id: string; code: string }[]>('peers', 'bans', '--home', homeOf(0))
    // Written at most once a second, and an earlier ban has left a file.
    const { bans: file } = homePaths(homeOf(0))
    await until(
      { what: 'the ban in its file' },
      () => existsSync(file) && readFileSync(file, 'utf8').includes(id),
    )
    await net.kill(0)
    const started = net.startValidator(0)
    await until({ what: 'validator 0 to run', timeoutMs: 60_000 }, () => {
      if (started.exit !== null) throw new Error(started.output)
      return started.output.includes('Node ready')
    })
    expect(await bans()).toMatchObject([{ id, code: 'OPERATOR' }])
    expect((await nexus('peers', '--home', homeOf(0))).out).toContain(`Refused: ${id}`)
    await json('peers', 'unban', id, '--home', homeOf(0))
    expect(await bans()).toEqual([])
    await until({ what: 'the peer to come back', timeoutMs: 40_000 }, async () => {
      const now = await json<Peer[]>('peers', '--home', homeOf(0))
      return now.some((peer) => peer.id === id)
    })
  })

  test('stops one, looks into its files, rolls it back, and it comes again', async () => {
    const wallet = walletOf(urlOf(0), accountOf(net.report, 0))
    const hash = await wallet.sendTransaction({ to: wallet.account.address, value: 1n })
    const { blockNumber } = await wallet.waitForTransactionReceipt({ hash })
    await reaches(3, Number(blockNumber) + 10)
    await net.kill(3)
    const stopped = await nexus('status', '--home', homeOf(3), '--json')
    expect(stopped.code).toBe(1)
    const { height } = JSON.parse(stopped.out) as { height: number }
    expect(JSON.parse(stopped.out)).toMatchObject({ status: 'stopped', chainId: 3940 })

    const wal = await nexus('inspect', 'wal', '--home', homeOf(3), '--json')
    const lines = wal.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string })
    expect(new Set(lines.map(({ kind }) => kind))).toContain('header')
    expect(lines.filter(({ kind }) => kind === 'damage').length).toBe(wal.code === 0 ? 0 : 1)

    const block = await json('inspect', 'block', String(blockNumber), '--home', homeOf(3))
    expect(block).toMatchObject({
      source: 'database',
      height: Number(blockNumber),
      ethereumHash: (await blockOf(0, Number(blockNumber))).hash,
      payload: { transactions: 1 },
      receipts: { transactions: 1, failed: 0 },
      certificate: { total: 4 },
    })
    const summary = await json('inspect', 'state', '--home', homeOf(3))
    expect(summary).toMatchObject({ height, engines: [{}, {}, {}] })
    const account = await json('inspect', 'state', wallet.account.address, '--home', homeOf(3))
    expect(account).toMatchObject({ exists: true, nonce: 1 })
    const row = await json('inspect', 'state', 'ledger.accounts', '1', '--home', homeOf(3))
    expect(row).toMatchObject({ engine: 'ledger', table: 'accounts', row: 1 })

    const before = readFileSync(join(homeOf(3), 'data', 'last-signed'))
    const to = Number(blockNumber) - 1
    const { out, err, code } = await nexus('rollback', '--to', String(to), '--home', homeOf(3))
    expect(code, err).toBe(0)
    expect(out).toContain(`from height ${height} to ${to}`)
    expect(readFileSync(join(homeOf(3), 'data', 'last-signed'))).toEqual(before)
    expect(readdirSync(join(homeOf(3), 'data', 'wal'))).toEqual([])
    const unspent = await json('inspect', 'state', wallet.account.address, '--home', homeOf(3))
    expect(unspent).toMatchObject({ nonce: 0, height: to })

    net.startValidator(3)
    await reaches(3, height + 5)
    expect((await blockOf(3, height)).hash).toBe((await blockOf(0, height)).hash)
    expect(net.deaths()).toEqual([])
  }, 120_000)
})

describe('nexus testnet', () => {
  const processes: NexusProcess[] = []
  const start = (home: string): NexusProcess => {
    const started = new NexusProcess(['start', '--home', home])
    processes.push(started)
    return started
  }
  const make = async (name: string, ...args: string[]): Promise<Testnet> => {
    const { rpc } = await findPorts()
    const output = join(directory, name)
    return json('testnet', '--output', output, '--starting-port', String(rpc), ...args)
  }
  afterEach(async () => {
    for (const each of processes.splice(0)) await each.stop('SIGKILL')
  })

  test('four homes make a chain', async () => {
    const { nodes, chainId } = await make('four', '--powers', '3,1,1,1', '--block-time', '200ms')
    for (const { home } of nodes) start(home)
    const last = nodes.at(-1) as TestnetNode
    const status = await until({ what: 'the chain to begin', timeoutMs: 60_000 }, async () => {
      const { out, code } = await nexus('status', '--home', last.home, '--json')
      const found = JSON.parse(out) as Record<string, unknown>
      return code === 0 && found.peers === 3 ? found : false
    })
    expect(status).toMatchObject({ chainId, totalPower: 6, validator: { power: 1 } })
  }, 90_000)

  test('one prunes itself as it runs, another when it is told, and both go on', async () => {
    const { nodes } = await make(
      'pruned',
      '--powers',
      '1',
      '--observers',
      '1',
      '--block-time',
      '20ms',
    )
    const [validator, observer] = nodes as [TestnetNode, TestnetNode]
    for (const { home } of nodes) keepLittle(home)
    changeFile(join(validator.home, 'config.json'), ({ storage }) => {
      ;(storage as Tree).retainBlocks = 20
    })
    const running = [start(validator.home), start(observer.home)]
    const block = (node: TestnetNode, height: number) =>
      call<RpcBlock | null>(urlOfNode(node), 'eth_getBlockByNumber', [
        `0x${height.toString(16)}`,
        false,
      ])
    await until({ what: 'a first block', timeoutMs: 60_000 }, async () =>
      block(observer, 5).then(
        (found) => found !== null,
        () => false,
      ),
    )
    // Engines can be taken back 128 heights and a checkpoint: only what lies before may go.
    await until(
      { what: 'the chain to be long enough', timeoutMs: 60_000 },
      async () => (await headOf(urlOfNode(observer))) >= 194,
    )
    await until(
      { what: 'the validator to prune', timeoutMs: 20_000 },
      async () => (await block(validator, 5)) === null,
    )
    const logs = await ask(urlOfNode(validator), 'eth_getLogs', [
      { fromBlock: '0x1', toBlock: '0x5' },
    ])
    expect(logs).toMatchObject({ kind: 'error', code: 4444 })

    expect((await block(observer, 5))?.number).toBe('0x5')
    // The chain stands meanwhile: what the validator prunes next, nobody could bring the other.
    for (const each of running) await each.stop('SIGINT')
    const report = await json<{ from: number; to: number }>(
      ...['prune', '--keep', '1', '--home', observer.home],
    )
    expect(report.from).toBe(0)
    expect(report.to).toBeGreaterThanOrEqual(64)
    expect(
      await json('inspect', 'block', String(report.to), '--home', observer.home),
    ).toMatchObject({ height: report.to, header: null })
    const target = (await json<{ height: number }>('inspect', 'state', '--home', validator.home))
      .height
    start(validator.home)
    start(observer.home)
    await until({ what: 'it to come back', timeoutMs: 60_000 }, async () =>
      headOf(urlOfNode(observer)).then(
        (head) => head > target,
        () => false,
      ),
    )
    expect(await block(observer, 5)).toBeNull()
  }, 120_000)
})

type TestnetNode = { readonly home: string; readonly ports: { readonly rpc: number } }
type Testnet = { readonly chainId: number; readonly nodes: readonly TestnetNode[] }
type Tree = Record<string, unknown>

const urlOfNode = ({ ports }: TestnetNode): string => `http://127.0.0.1:${ports.rpc}`

/** Evidence, light clients and past states want as little as they may. */
function keepLittle(home: string): void {
  changeFile(join(home, 'genesis.json'), ({ consensus }) => {
    Object.assign(consensus as Tree, { evidenceMaxAgeMs: 1_000, evidenceMaxAgeBlocks: 10 })
  })
  changeFile(join(home, 'config.json'), (config) => {
    config.storage = { historyBlocks: 0, lightBlockMs: 0 }
  })
}

function changeFile(file: string, change: (tree: Tree) => void): void {
  const tree = JSON.parse(readFileSync(file, 'utf8')) as Tree
  change(tree)
  writeFileSync(file, JSON.stringify(tree))
}
