import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { homePaths } from '../../../node/config/paths.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import { generateNodeKey, saveNodeKey } from '../../../node/keys/nodeKey.ts'
import { acquireLock } from '../../../node/lock.ts'
import { nodeFileSystem } from '../../../node/storage/fileSystem.ts'
import { cliRun } from '../../support/cliRun.ts'
import { keyNumber, signTransaction } from '../../support/evmWorld.ts'
import type { CliRun } from '../../support/nexusCli.ts'
import { RealChain } from '../../support/realChain.ts'

const [payer] = [keyNumber(1)] as const
const HEIGHT = 9
let made = ''
let home = ''
let heads: RealChain['head'][] = []

/** The home of a node that ran to height 9 with a transfer in every block, and was stopped. */
beforeAll(async () => {
  const chain = await RealChain.create([payer], { historyBlocks: 1_000 })
  for (let height = 1; height <= HEIGHT; height++) {
    await chain.block([
      signTransaction({ nonce: height - 1, to: new Uint8Array(20).fill(9), value: 1n }, payer),
    ])
    heads = [...heads, chain.head]
  }
  made = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-home-'))
  const paths = homePaths(made)
  saveNodeKey(paths.nodeKey, await generateNodeKey())
  fs.writeFileSync(paths.config, '{"moniker":"alice"}')
  fs.writeFileSync(paths.genesis, chain.genesisText)
  fs.mkdirSync(paths.wal, { recursive: true })
  const identity = { chainId: 3940, address: new Uint8Array(20).fill(1) }
  await LastSignedFile.create(paths.lastSigned, identity, nodeFileSystem)
  await chain.restart(async () => fs.cpSync(chain.directory, paths.database, { recursive: true }))
  await chain.close()
})
afterAll(() => fs.rmSync(made, { recursive: true }))
beforeEach(({ onTestFinished }) => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-home-'))
  fs.cpSync(made, home, { recursive: true })
  onTestFinished(() => fs.rmSync(home, { recursive: true }))
})

const nexus = (...args: string[]): Promise<CliRun> =>
  cliRun(home, args, { environment: { NEXUS_HOME: home } })
async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await nexus(...args, '--json')
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out)
}
const hex = (bytes: Uint8Array | undefined): string =>
  `0x${Buffer.from(bytes ?? []).toString('hex')}`

describe('help', () => {
  it.each([
    ['status'],
    ['peers', 'ban'],
    ['inspect', 'wal'],
    ['inspect', 'block'],
    ['inspect', 'state'],
    ['rollback'],
    ['prune'],
    ['testnet'],
  ])('of %s %s has examples', async (...words) => {
    const { code, out, err } = await nexus(...words, '--help')
    expect([code, err]).toEqual([0, ''])
    expect(out).toMatch(/Examples?:\n {2}nexus /)
    expect(out).toContain('--json')
  })
})

describe('nexus status', () => {
  it('reads the files of a node that does not run, and fails for scripts', async () => {
    const { code, out } = await nexus('status', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      status: 'stopped',
      moniker: 'alice',
      chainId: 3940,
      height: HEIGHT,
      start: 0,
      wal: [],
      lastSigned: null,
      pid: null,
      disk: { databaseBytes: expect.any(Number) },
    })
    expect((await nexus('status')).out).toMatch(/status +stopped\n(.*\n)*.*height +9/)
  })

  it('says that the process lives when only its RPC is silent', async () => {
    const lock = acquireLock(homePaths(home).lock)
    fs.writeFileSync(homePaths(home).config, '{"rpc":{"port":1},"metrics":{"enabled":false}}')
    const { code, out } = await nexus('status', '--json')
    lock.release()
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ status: 'unreachable', pid: process.pid, height: null })
  })

  it('names a node that is not there', async () => {
    const { code, err } = await nexus('status', '--url', 'http://127.0.0.1:1')
    expect(code).toBe(1)
    expect(err).toMatch(/NODE_UNREACHABLE\n(.*\n)*What to do/)
    expect((await nexus('status', '--home', path.join(home, 'nowhere'))).err).toContain(
      'HOME_MISSING',
    )
  })
})

describe('nexus inspect', () => {
  it('shows a block by height, by hash, by id and the latest', async () => {
    const head = heads[4]
    const expected = {
      source: 'database',
      height: 5,
      blockId: `0x${head?.summary.blockId}`,
      ethereumHash: hex(head?.header.hash),
      payload: { transactions: 1, actions: 0 },
      receipts: { transactions: 1, failed: 0, skipped: [] },
      certificate: { round: 0, signed: 1, total: 1, missing: [] },
    }
    expect(await json('inspect', 'block', '5')).toMatchObject(expected)
    expect(await json('inspect', 'block', hex(head?.header.hash))).toMatchObject(expected)
    expect(await json('inspect', 'block', `0x${head?.summary.blockId}`)).toMatchObject(expected)
    expect(await json('inspect', 'block', 'latest')).toMatchObject({ height: HEIGHT })
    expect(await json('inspect', 'block', '0')).toMatchObject({ height: 0, certificate: null })
    expect((await nexus('inspect', 'block', '5')).out).toMatch(/height +5/)
  })

  it.each([
    [['block', '10'], 'HEIGHT_UNKNOWN'],
    [['block', `0x${'ab'.repeat(32)}`], 'BLOCK_UNKNOWN'],
    [['block', 'newest'], 'BLOCK_NAME'],
    [['state', 'everything'], 'STATE_NAME'],
    [['state', 'ledger.nothing', '1'], 'UNKNOWN_TABLE'],
    [['state', 'bank.accounts', '1'], 'UNKNOWN_TABLE'],
    [['state', 'ledger.accounts', '999'], 'ROW_MISSING'],
    [['state', '--height', '99'], 'HEIGHT_UNKNOWN'],
  ])('refuses %j with %s', async (args, code) => {
    const run = await nexus('inspect', ...args)
    expect(run.code).toBe(1)
    expect(run.err).toContain(`nexus: ${code}`)
  })

  it('shows roots, an account now and before, and a proved row', async () => {
    const { summary } = heads.at(-1) as RealChain['head']
    const state = await json('inspect', 'state')
    expect(state).toMatchObject({
      height: HEIGHT,
      stateRoot: hex(summary.stateRoot),
      engines: [{ engine: 'messenger' }, { engine: 'ledger' }, { engine: 'exchange' }],
      rollback: { lowest: 0 },
      checkpoint: 0,
      validators: [{ power: 1 }],
    })
    expect(state.columns).toContainEqual({ column: 'block', bytes: expect.any(Number) })
    const address = hex(payer.address)
    expect(await json('inspect', 'state', address)).toMatchObject({ nonce: HEIGHT })
    expect(await json('inspect', 'state', address, '--height', '4')).toMatchObject({ nonce: 4 })
    expect(await json('inspect', 'state', `0x${'99'.repeat(20)}`)).toMatchObject({ exists: false })
    expect(await json('inspect', 'state', 'ledger.assets', '1', '--height', '3')).toMatchObject({
      height: 3,
      values: expect.any(Object),
    })
  })

  it('does not touch a home that is in use', async () => {
    const lock = acquireLock(homePaths(home).lock)
    const { code, err } = await nexus('inspect', 'state')
    lock.release()
    expect(code).toBe(1)
    expect(err).toContain(`held by process ${process.pid}`)
  })
})

describe('nexus rollback', () => {
  it('goes back, says what stays, and does nothing the second time', async () => {
    const before = fs.readFileSync(homePaths(home).lastSigned)
    const { code, out, err } = await nexus('rollback', '--to', '4')
    expect(code, err).toBe(0)
    expect(err).toContain('At height 4')
    expect(out).toContain(`from height ${HEIGHT} to 4`)
    expect(await json('inspect', 'block', 'latest')).toMatchObject({
      height: 4,
      stateRoot: hex(heads[3]?.summary.stateRoot),
    })
    expect(fs.readFileSync(homePaths(home).lastSigned)).toEqual(before)
    expect((await nexus('rollback', '--to', '4')).out).toContain('ends at height 4 already')
    const ahead = await nexus('rollback', '--to', '8')
    expect([ahead.code, ahead.err]).toEqual([1, expect.stringContaining('ROLLBACK_AHEAD')])
    expect((await nexus('rollback', '--to', 'four')).code).toBe(2)
  })
})

describe('nexus prune', () => {
  it('says what holds it back', async () => {
    const plan = await json('prune', '--keep', '2', '--dry-run')
    expect(plan).toMatchObject({ dryRun: true, from: 0, to: 0, height: HEIGHT })
    expect(plan.bounds).toContainEqual({ bound: 'requested', height: HEIGHT - 2 })
    const { out } = await nexus('prune', '--below', '5')
    expect(out).toContain('Nothing was deleted')
    expect(out).toMatch(/evidence +up to 0/)
    const neither = await nexus('prune')
    expect([neither.code, neither.err]).toEqual([1, expect.stringContaining('PRUNE_WITHOUT_LIMIT')])
    expect((await nexus('prune', '--keep', '2', '--below', '3')).code).toBe(2)
  })
})

describe('nexus peers', () => {
  it('says that the node does not answer', async () => {
    const { code, err } = await nexus('peers')
    expect(code).toBe(1)
    expect(err).toContain('NODE_UNREACHABLE')
  })
})
