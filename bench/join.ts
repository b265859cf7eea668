// How long a fresh node takes to join a chain with a long history: by state sync, and by its blocks alone.
//
//   node bench/join.ts [--blocks 100000] [--accounts 1000] [--block-sync-seconds 20] [--keep DIR]
//
// A chain of mostly empty blocks is made in this process, by the real executor on the real database (unsynced, which
// only the making gains from). Its validator then runs as a process, and two observers join it over loopback.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { blockCodec, blockIdOf } from '../core/chain/block.ts'
import type { Certificate } from '../core/chain/certificate.ts'
import { voteDigest } from '../core/chain/vote.ts'
import { fromHex } from '../core/primitives/bytes.ts'
import { encode } from '../core/primitives/codec.ts'
import { keccak256 } from '../core/primitives/hash.ts'
import { signatures } from '../core/primitives/signature.ts'
import { type BlockId, type Height, roundOf } from '../core/primitives/units.ts'
import { type Genesis, genesisHash, parseGenesis } from '../genesis/index.ts'
import { buildBlock } from '../node/consensus/blockBuilder.ts'
import { coreRegistry } from '../node/engines/registry.ts'
import { storedValidatorSet } from '../node/executor/chainHead.ts'
import type { Executor } from '../node/executor/executor.ts'
import { defaultExecutorSurroundings, openExecutor } from '../node/executor/openExecutor.ts'
import { lightBlockOf } from '../node/snapshots/anchors.ts'
import { writeSnapshot } from '../node/snapshots/createSnapshot.ts'
import { SnapshotWriter } from '../node/snapshots/snapshotFiles.ts'
import { openSource } from '../node/snapshots/snapshotSource.ts'
import { ChainReader, defaultChainReaderOptions } from '../node/storage/chainReader.ts'
import {
  defaultDatabaseOptions,
  type OpenDatabase,
  openDatabase,
} from '../node/storage/database.ts'
import { findPorts } from '../test/support/ports.ts'

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '100000' },
    accounts: { type: 'string', default: '1000' },
    'block-sync-seconds': { type: 'string', default: '20' },
    keep: { type: 'string' },
  },
})
const BLOCKS = Number(values.blocks)
const ACCOUNTS = Number(values.accounts)
const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'nexus-join-'))
const bin = fileURLToPath(new URL('../bin/nexus.mjs', import.meta.url))
const ports = await findPorts()
const children: ChildProcess[] = []

const homeOf = (name: string): string => join(folder, name)
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const seconds = (sinceMs: number): number => Math.round(performance.now() - sinceMs) / 1_000

function run(...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  return new Promise((resolve, reject) =>
    child.once('close', (code) => (code === 0 ? resolve(text) : reject(new Error(args.join(' '))))),
  )
}

function start(name: string, place: number, ...args: readonly string[]): ChildProcess {
  const child = spawn(
    process.execPath,
    [
      ...[bin, 'start', '--home', homeOf(name), '--rpc-port', `${ports.rpc + place}`],
      ...['--metrics-port', `${ports.metrics + place}`, '--log-format', 'json', ...args],
    ],
    { stdio: ['ignore', process.env.JOIN_LOG === undefined ? 'ignore' : 'inherit', 'inherit'] },
  )
  children.push(child)
  return child
}

/** −1: no answer yet. */
async function headOf(place: number): Promise<number> {
  try {
    const response = await fetch(`http://127.0.0.1:${ports.rpc + place}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}',
    })
    return Number(((await response.json()) as { result: string }).result)
  } catch {
    return -1
  }
}

async function reach(place: number, height: number): Promise<void> {
  while ((await headOf(place)) < height) await sleep(50)
}

const listenOf = (place: number): string => `/ip4/127.0.0.1/tcp/${ports.p2p + place}`

/** A genesis as old as the chain will be. */
async function makeHome(): Promise<{
  text: string
  genesis: Genesis
  key: Uint8Array
  peer: string
}> {
  const home = homeOf('validator')
  const made = JSON.parse(
    await run('init', '--home', home, '--listen', listenOf(0), '--block-time', '1s', '--json'),
  ) as { readonly peer?: string; readonly peerId?: string }
  const file = join(home, 'genesis.json')
  const document = JSON.parse(readFileSync(file, 'utf8'))
  document.genesisTime = Date.now() - (BLOCKS + 600) * 1_000
  document.accounts.push(
    ...Array.from({ length: ACCOUNTS }, (_, n) => ({
      address: `0x${Buffer.from(keccak256(new TextEncoder().encode(`${n}`)).slice(12)).toString('hex')}`,
      balance: '1000000000000000000',
    })),
  )
  const text = JSON.stringify(document)
  writeFileSync(file, text)
  const genesis = parseGenesis(text)
  if (!genesis.ok) throw new Error(JSON.stringify(genesis.problems))
  const { privateKey } = JSON.parse(readFileSync(join(home, 'keys', 'validator.json'), 'utf8'))
  const peer = made.peer ?? `${listenOf(0)}/p2p/${made.peerId}`
  return { text, genesis: genesis.value, key: fromHex(privateKey), peer }
}

const unsynced: OpenDatabase = async (path, options) => {
  const database = await openDatabase(path, options)
  const batch = (): ReturnType<typeof database.batch> => {
    const inner = database.batch()
    return {
      put: (key, value) => inner.put(key, value),
      del: (key) => inner.del(key),
      write: () => inner.write({ sync: false }),
    }
  }
  return {
    getSync: (key, read) => database.getSync(key, read),
    batch,
    keys: (range) => database.keys(range),
    snapshot: () => database.snapshot(),
    close: () => database.close(),
  }
}

class Maker {
  readonly #executor: Executor
  readonly #genesis: Genesis
  readonly #key: Uint8Array
  #lastCommit: Certificate | null = null

  constructor(executor: Executor, genesis: Genesis, key: Uint8Array) {
    this.#executor = executor
    this.#genesis = genesis
    this.#key = key
  }

  async block(): Promise<void> {
    const { summary, pendingMessages } = this.#executor.head
    const validators = storedValidatorSet(summary.validators)
    const { chainId, consensus } = this.#genesis
    const block = buildBlock({
      ...{ chainId, params: consensus, head: summary, validators },
      nextValidators: storedValidatorSet(summary.nextValidators),
      proposer: validators.addresses[0] as Uint8Array,
      timeMs: summary.time + 1_000,
      ...{ transactions: [], actions: [], messages: pendingMessages, evidence: [] },
      lastCommit: this.#lastCommit,
    })
    const { height } = block.header
    const blockId = blockIdOf(block.header)
    const nobody = new Uint8Array(0)
    const bytes = encode(blockCodec, block)
    await this.#executor.execute({
      height,
      blockId,
      block: bytes,
      senders: nobody,
      signers: nobody,
    })
    this.#lastCommit = this.#certificate(height, blockId)
    await this.#executor.commit(blockId, this.#lastCommit)
  }

  #certificate(height: Height, blockId: BlockId): Certificate {
    const round = roundOf(0)
    const digest = voteDigest({
      ...{ type: 'precommit', chainId: this.#genesis.chainId, height, round, blockId },
    })
    const { signature } = signatures.sign(digest, this.#key)
    return { height, round, blockId, signatures: [{ validatorIndex: 0, signature }] }
  }
}

/** The chain with a snapshot near its end. */
async function makeChain(text: string, genesis: Genesis, key: Uint8Array) {
  const databasePath = join(homeOf('validator'), 'data', 'db')
  const surroundings = { ...defaultExecutorSurroundings, open: unsynced }
  const options = { databasePath, genesisText: text, historyBlocks: 16 }
  const executor = await openExecutor(options, surroundings)
  const maker = new Maker(executor, genesis, key)
  const started = performance.now()
  const last = BLOCKS - 1 - ((BLOCKS - 1) % 64)
  for (let height = 1; height <= last; height++) await maker.block()
  const database = await openDatabase(databasePath, defaultDatabaseOptions)
  const source = openSource(database)
  await maker.block()
  const root = join(homeOf('validator'), 'data', 'snapshots')
  const writer = new SnapshotWriter(root, last)
  const writing = performance.now()
  const { chainId } = genesis
  const manifest = await writeSnapshot(source, { chainId, registry: coreRegistry }, writer)
  const snapshotSeconds = seconds(writing)
  const identity = { chainId, genesisHash: genesisHash(genesis) }
  const reader = await ChainReader.open(databasePath, { ...defaultChainReaderOptions, ...identity })
  const [base, next] = [lightBlockOf(reader, last), lightBlockOf(reader, last + 1)]
  if (base === null || next === null) throw new Error('both are committed')
  writer.publish(last, { base, next })
  await reader.close()
  await source.close()
  await database.close()
  while (executor.head.summary.height < BLOCKS) await maker.block()
  await executor.close()
  return { makeSeconds: seconds(started), snapshotSeconds, height: manifest.height }
}

async function joinAs(name: string, place: number, peer: string, ...args: readonly string[]) {
  const genesis = join(homeOf('validator'), 'genesis.json')
  const home = ['--home', homeOf(name), '--observer', '--genesis', genesis]
  await run('init', ...home, '--listen', listenOf(place), '--peers', peer)
  const started = performance.now()
  return { child: start(name, place, ...args), started }
}

try {
  const { text, genesis, key, peer } = await makeHome()
  const made = await makeChain(text, genesis, key)
  const home = ['--home', homeOf('validator')]
  await run('keys', 'guard', '--create', '--above', `${BLOCKS}`, ...home)
  start('validator', 0, '--signing-double-sign-check-heights', '0')
  await reach(0, BLOCKS)

  const sync = await joinAs('stateSync', 1, peer, '--state-sync-enabled', 'true')
  await reach(1, await headOf(0))
  const stateSyncSeconds = seconds(sync.started)
  sync.child.kill('SIGINT')

  const limit = Number(values['block-sync-seconds'])
  const blocks = await joinAs('blockSync', 2, peer)
  await reach(2, 1)
  const from = { height: await headOf(2), atMs: performance.now() }
  await sleep(limit * 1_000)
  const blocksPerSecond = Math.round(((await headOf(2)) - from.height) / seconds(from.atMs))
  blocks.child.kill('SIGINT')
  const result = { blocks: BLOCKS, accounts: ACCOUNTS, made, stateSyncSeconds, blocksPerSecond }
  console.log(JSON.stringify(result, null, 2))
} finally {
  for (const child of children) child.kill('SIGKILL')
  await sleep(500)
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true })
}
