// Validators whose keys are in other processes: signers and nodes die in turn, and nobody signs twice.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { certificateFaults, equivocationsOf, signersBetween } from '../support/certificates.ts'
import { Devnet, disposeAll, temporaryDirectory } from '../support/devnet.ts'
import { metricOf } from '../support/metrics.ts'
import { findPorts } from '../support/ports.ts'
import { isRunning, kill, NexusProcess, runNexus } from '../support/processes.ts'
import { headOf } from '../support/sameChain.ts'
import { sleep, until } from '../support/wait.ts'

const indexes = [0, 1, 2, 3]
const signers = new Map<number, NexusProcess>()
let devnet: Devnet

const urlOf = (node: number): string => devnet.validator(node).rpc
const homeOf = (node: number): string => devnet.validator(node).home
const signerHome = (node: number): string => path.join(homeOf(node), 'signer')
const chainArgs = (): string[] => ['--chain-id', String(devnet.report.chainId)]

async function growth(blocks: number, nodes: readonly number[] = indexes): Promise<void> {
  const from = await Promise.all(nodes.map((node) => headOf(urlOf(node))))
  await until({ what: `${blocks} more blocks on ${nodes}`, timeoutMs: 40_000 }, async () => {
    const now = await Promise.all(nodes.map((node) => headOf(urlOf(node))))
    return now.every((height, i) => height >= (from[i] as number) + blocks)
  })
}

async function startSigner(node: number): Promise<void> {
  const started = new NexusProcess(['signer', '--home', signerHome(node), ...chainArgs()])
  signers.set(node, started)
  await until({ what: `signer ${node}` }, () => {
    if (started.exit !== null) throw new Error(started.output)
    return started.output.includes('Signer ready')
  })
}

async function killSigner(node: number): Promise<void> {
  const { pid } = signers.get(node) as NexusProcess
  kill(pid)
  await until({ what: `signer ${node} to be gone` }, () => !isRunning(pid))
}

/** Waits until a validator's votes are in certificates again. */
async function votes(node: number): Promise<void> {
  const from = await headOf(urlOf(0))
  const { address } = devnet.validator(node)
  await until({ what: `votes of validator ${node}`, timeoutMs: 40_000, everyMs: 500 }, async () => {
    const head = await headOf(urlOf(0))
    return (
      head > from && (await signersBetween(devnet.report, from, head)).has(address.toLowerCase())
    )
  })
}

/** What an operator does to take the key out of a node that has stopped. */
async function moveKey(node: number): Promise<void> {
  const home = homeOf(node)
  fs.mkdirSync(signerHome(node), { mode: 0o700 })
  const key = path.join(home, 'keys', 'validator.json')
  fs.copyFileSync(key, path.join(signerHome(node), 'validator.json'))
  fs.renameSync(path.join(home, 'data', 'last-signed'), path.join(signerHome(node), 'last-signed'))
  const init = await runNexus(['signer', 'init', '--home', signerHome(node), ...chainArgs()])
  expect(init.exit.code, init.stderr).toBe(0)
  const config = path.join(home, 'config.json')
  const values = JSON.parse(fs.readFileSync(config, 'utf8'))
  fs.writeFileSync(config, JSON.stringify({ ...values, signer: { kind: 'remote' } }))
}

beforeAll(async () => {
  devnet = await Devnet.start({ validators: 4 })
  await growth(5)
  await devnet.stop()
  for (const node of indexes) await moveKey(node)
  await Promise.all(indexes.map(startSigner))
  devnet = await Devnet.start({ validators: 4, data: devnet.data, ports: devnet.ports })
})
afterAll(disposeAll)

test('four validators sign through their signers', async () => {
  await growth(10)
  for (const node of indexes) {
    const { metrics } = devnet.validator(node)
    expect(await metricOf(metrics, 'nexus_signer_connected')).toBe(1)
    expect(
      await metricOf(metrics, 'nexus_signer_request_duration_seconds_count').catch(() => 1),
    ).toBeGreaterThan(0)
  }
})

test('kill -9 of a signer: its node follows without voting, and votes again when it is back', async () => {
  await killSigner(1)
  await growth(10)
  expect(await metricOf(devnet.validator(1).metrics, 'nexus_signer_connected')).toBe(0)
  await startSigner(1)
  await votes(1)
})

test('kill -9 of all signers at once: the chain stands, and goes on', async () => {
  await Promise.all(indexes.map(killSigner))
  await sleep(1_000)
  const before = await headOf(urlOf(0))
  await sleep(2_000)
  expect(await headOf(urlOf(0))).toBe(before)
  await Promise.all(indexes.map(startSigner))
  await growth(10)
})

test('kill -9 of a node: it takes up its signer again', async () => {
  await devnet.kill(2)
  await growth(5, [0, 1, 3])
  devnet.startValidator(2)
  await votes(2)
})

test('a node that starts while its signer is away follows, and votes when it is back', async () => {
  await killSigner(2)
  await devnet.kill(2)
  devnet.startValidator(2)
  await until({ what: 'the node to follow', timeoutMs: 40_000 }, () =>
    headOf(urlOf(2)).then(
      () => true,
      () => false,
    ),
  )
  await growth(5)
  expect(await metricOf(devnet.validator(2).metrics, 'nexus_signer_connected')).toBe(0)
  await startSigner(2)
  await votes(2)
})

test('a signer that hangs costs one timeout, not the node', async () => {
  const { pid } = signers.get(3) as NexusProcess
  process.kill(pid, 'SIGSTOP')
  await growth(10)
  process.kill(pid, 'SIGCONT')
  await votes(3)
})

/** A node of another home that asks validator 0's signer. */
async function stranger(secret: string): Promise<{ code: number | null; stderr: string }> {
  const home = temporaryDirectory('stranger')
  fs.chmodSync(home, 0o700)
  const ports = await findPorts()
  const made = await runNexus([
    ...['init', '--home', home, '--observer', '--genesis', path.join(homeOf(0), 'genesis.json')],
    ...['--listen', `/ip4/127.0.0.1/tcp/${ports.p2p}`],
  ])
  expect(made.exit.code, made.stderr).toBe(0)
  fs.mkdirSync(path.join(home, 'signer'), { mode: 0o700 })
  fs.writeFileSync(path.join(home, 'signer', 'secret'), secret, { mode: 0o600 })
  const { exit, stdout, stderr } = await runNexus([
    ...['start', '--home', home, '--signer-kind', 'remote', '--signer-connect-ms', '1500'],
    ...['--signer-socket', path.join(signerHome(0), 'signer.sock')],
    ...['--rpc-port', String(ports.rpc), '--metrics-port', String(ports.metrics)],
  ])
  return { code: exit.code, stderr: `${stdout}\n${stderr}` }
}

test('a second node is refused by the signer, and one with another secret as well', async () => {
  const secret = fs.readFileSync(path.join(signerHome(0), 'secret'), 'utf8')
  const second = await stranger(secret)
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('SIGNER_BUSY') })
  const other = await stranger('ab'.repeat(32))
  expect(other).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SIGNER_SECRET_MISMATCH'),
  })
  await growth(3)
})

test('two signers or two nodes on one home: one clear error', async () => {
  const signer = await runNexus(['signer', '--home', signerHome(0), ...chainArgs()])
  expect([signer.exit.code, signer.stderr]).toEqual([1, expect.stringContaining('LOCKED')])
  const node = await runNexus(['start', '--home', homeOf(0)])
  expect(node.exit.code).toBe(1)
  expect(`${node.stdout}\n${node.stderr}`).toContain('LOCKED')
  await growth(3)
})

test('nobody signed twice', async () => {
  const head = Math.min(...(await Promise.all(indexes.map((node) => headOf(urlOf(node))))))
  expect(await certificateFaults(devnet.report, 1, head)).toEqual([])
  const seen = indexes.map((node) => equivocationsOf(devnet.validator(node).metrics))
  expect(await Promise.all(seen)).toEqual([0, 0, 0, 0])
})

test('SIGTERM ends a signer cleanly', async () => {
  await devnet.stop()
  for (const signer of signers.values()) expect((await signer.stop('SIGTERM')).code).toBe(0)
})
