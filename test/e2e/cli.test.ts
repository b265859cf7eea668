// The command line as a person and a script meet it.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mnemonicToAccount } from 'viem/accounts'
import { afterAll, describe, expect, test } from 'vitest'
import { badGeneses } from '../support/badGeneses.ts'
import { accountOf, walletOf } from '../support/clients.ts'
import { Devnet, disposeAll, portArguments, temporaryDirectory } from '../support/devnet.ts'
import { call } from '../support/jsonRpc.ts'
import { findPorts, isFree } from '../support/ports.ts'
import { isRunning, NexusProcess, runNexus } from '../support/processes.ts'
import { headOf, type RpcBlock } from '../support/sameChain.ts'
import { until } from '../support/wait.ts'

const MNEMONIC = 'test test test test test test test test test test test junk'

afterAll(disposeAll)

const blockHash = async (url: string, height: number): Promise<string> =>
  (await call<RpcBlock>(url, 'eth_getBlockByNumber', [`0x${height.toString(16)}`, false])).hash

describe('nexus devnet', () => {
  test('one JSON line, a clean stop, a second start on the same chain, --reset a new one', async () => {
    const first = await Devnet.start({ validators: 4 })
    const { data, ports, report } = first
    expect(report.chainId).toBe(3940)
    expect(report.accounts.map(({ address }) => address)).toEqual(
      Array.from(
        { length: 10 },
        (_, addressIndex) => mnemonicToAccount(MNEMONIC, { addressIndex }).address,
      ),
    )
    expect(
      report.validators.map(({ index, rpc, ws, metrics }) => [index, rpc, ws, metrics]),
    ).toEqual(
      [0, 1, 2, 3].map((i) => [
        i,
        `http://127.0.0.1:${ports.rpc + i}`,
        `ws://127.0.0.1:${ports.rpc + i}`,
        `http://127.0.0.1:${ports.metrics + i}/metrics`,
      ]),
    )
    expect(new Set(report.validators.map(({ pid }) => pid)).size).toBe(4)
    const url = report.validators[0]?.rpc ?? ''
    for (const { address } of report.accounts)
      expect(BigInt(await call<string>(url, 'eth_getBalance', [address, 'latest']))).toBe(
        10_000n * 10n ** 18n,
      )
    const wallet = walletOf(url, accountOf(report, 0))
    const hash = await wallet.sendTransaction({ to: wallet.account.address, value: 1n })
    await wallet.waitForTransactionReceipt({ hash })
    const [height, genesis] = [await headOf(url), await blockHash(url, 0)]
    const last = await blockHash(url, height)

    expect(await first.supervisor.stop('SIGINT')).toEqual({ code: 0, signal: null })
    expect(first.supervisor.stdout.filter((line) => line.startsWith('{'))).toHaveLength(1)
    for (const { pid } of report.validators) expect(isRunning(pid)).toBe(false)
    for (let i = 0; i < 4; i++) expect(await isFree(ports.rpc + i)).toBe(true)

    const second = await Devnet.start({ data, ports, validators: 4 })
    expect(await blockHash(url, height)).toBe(last)
    expect(await walletOf(url, wallet.account).getTransactionReceipt({ hash })).toMatchObject({
      status: 'success',
    })
    await until({ what: 'a new block' }, async () => (await headOf(url)) > height)
    await second.stop()

    const third = await Devnet.start({ data, ports, validators: 4, args: ['--reset'] })
    expect(await blockHash(url, 0)).not.toBe(genesis)
    expect(await call(url, 'eth_getTransactionReceipt', [hash])).toBeNull()
    await third.stop()
  })

  test('tells a person what is needed, and warns of the keys', async () => {
    const [data, ports] = [temporaryDirectory('banner'), await findPorts()]
    const devnet = new NexusProcess([
      'devnet',
      '--validators',
      '1',
      '--data',
      data,
      ...portArguments(ports),
    ])
    await until({ what: 'the banner' }, () =>
      devnet.output.includes(`http://127.0.0.1:${ports.rpc}`),
    )
    await until(
      { what: 'a block' },
      async () => (await headOf(`http://127.0.0.1:${ports.rpc}`)) > 0,
    )
    const account = mnemonicToAccount(MNEMONIC)
    const key = Buffer.from(account.getHdKey().privateKey ?? []).toString('hex')
    for (const text of ['3940', account.address, key, `:${ports.metrics}`])
      expect(devnet.output, text).toContain(text)
    expect(devnet.output).toMatch(/unsafe|never|test(ing)? only|do not use/i)
    expect(await devnet.stop('SIGINT')).toEqual({ code: 0, signal: null })
  })
})

describe('nexus devnet beside others', () => {
  test('a second devnet on the same data, or on taken ports, is refused', async () => {
    const running = await Devnet.start({ validators: 1 })
    const sameData = await runNexus([
      'devnet',
      '--json',
      '--data',
      running.data,
      ...portArguments(await findPorts()),
    ])
    expect(sameData.exit.code).not.toBe(0)
    expect(sameData.stderr).toMatch(/in use|running|lock/i)
    const samePorts = await runNexus([
      'devnet',
      '--json',
      '--data',
      temporaryDirectory('ports'),
      ...portArguments(running.ports),
    ])
    expect(samePorts.exit.code).not.toBe(0)
    expect(samePorts.stderr).toContain(String(running.ports.rpc))
    expect(samePorts.stderr).toMatch(/in use|taken/i)
    expect(samePorts.stderr).not.toMatch(/\n\s+at /)
    expect(await headOf(running.validator(0).rpc)).toBeGreaterThanOrEqual(0)
    await running.stop()
  })

  test('a terminated supervisor leaves no validator behind', async () => {
    const devnet = await Devnet.start({ validators: 2 })
    await devnet.supervisor.stop('SIGTERM')
    for (const { pid } of devnet.report.validators)
      await until({ what: `pid ${pid} to end` }, () => !isRunning(pid))
  })
})

describe('nexus', () => {
  test('version, help and mistakes', async () => {
    const version = await runNexus(['version'])
    expect(version.exit.code).toBe(0)
    expect(version.stdout).toMatch(/\d+\.\d+\.\d+/)
    expect((await runNexus(['--help'])).stdout).toMatch(/devnet[\s\S]*genesis/)
    for (const args of [
      ['devnot'],
      ['devnet', '--validators', 'many'],
      ['devnet', '--unknown'],
      ['start', '--home', '/nowhere'],
    ]) {
      const mistake = await runNexus(args)
      expect(mistake.exit.code, args.join(' ')).not.toBe(0)
      expect(mistake.stderr, args.join(' ')).not.toMatch(/\n\s+at /)
      expect(mistake.stderr.trim(), args.join(' ')).not.toBe('')
    }
  })

  test('genesis validate names every mistake of a file at once', async () => {
    const home = temporaryDirectory('genesis')
    expect((await runNexus(['init', '--home', home])).exit.code).toBe(0)
    const good = join(home, 'genesis.json')
    const validate = async (path: string) => {
      const { exit, stdout } = await runNexus(['genesis', 'validate', path, '--json'])
      type Verdict = { ok: boolean; problems?: { code: string; path: string }[] }
      return { exit, verdict: JSON.parse(stdout) as Verdict }
    }
    expect(await validate(good)).toMatchObject({ exit: { code: 0 }, verdict: { ok: true } })
    const files = badGeneses(readFileSync(good, 'utf8'))
    expect(files.length).toBeGreaterThan(10)
    for (const [name, text, codes] of files) {
      const path = join(home, 'bad.json')
      writeFileSync(path, text)
      const { exit, verdict } = await validate(path)
      expect(exit.code, name).toBe(1)
      const found = new Set(verdict.problems?.map(({ code }) => code))
      expect([...found].sort(), name).toEqual([...codes].sort())
    }
  })
})
