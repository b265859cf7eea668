import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { multicallModule, systemTokenModule } from '../../../contracts/build.ts'
import { SYSTEM_ADDRESS } from '../../../core/host/precompile.ts'
import { fromHex } from '../../../core/primitives/bytes.ts'
import {
  isSystemToken,
  SYSTEM_TOKEN_CODE,
  systemTokenAccount,
  systemTokenAddress,
  totalSupplyOf,
} from '../../../evm/index.ts'
import { contractsOf } from '../../support/crossing/artifacts.ts'
import { at, createCoreWorld } from '../../support/crossing/coreWorld.ts'

describe('what is made of the Solidity sources', () => {
  it('the token that genesis places is the one in contracts/system', async () => {
    const path = new URL('../../../evm/systemTokenCode.ts', import.meta.url)
    expect(await systemTokenModule()).toBe(readFileSync(path, 'utf8'))
  }, 60_000)

  it('so is the multicall of a development network', async () => {
    const path = new URL('../../../genesis/multicallCode.ts', import.meta.url)
    expect(await multicallModule()).toBe(readFileSync(path, 'utf8'))
  }, 60_000)

  it('every example compiles', async () => {
    const folder = new URL('../../../contracts/examples/', import.meta.url)
    const names = readdirSync(folder).filter((name) => name.endsWith('.sol'))
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) {
      const contract = (await contractsOf(`contracts/examples/${name}`))(name.replace('.sol', ''))
      expect(contract.abi.length, name).toBeGreaterThan(0)
      expect(contract.runtime.length, name).toBeLessThan(24_576)
    }
  }, 120_000)
})

describe('system tokens', () => {
  it('have the addresses that end in their asset, and the native coin has none', () => {
    expect(systemTokenAddress(0x0102)).toEqual(fromHex('2000000000000000000000000000000000000102'))
    const known = [systemTokenAddress(1), systemTokenAddress(0xffff), systemTokenAddress(0)]
    expect(known.map(isSystemToken)).toEqual([true, true, false])
    expect(isSystemToken(fromHex('2000000000000000000000000000000000010001'))).toBe(false)
    expect(isSystemToken(at('1'))).toBe(false)
  })

  it('come into being with the first transfer of their asset', async () => {
    const { abi } = (await contractsOf('contracts/system/ISystemToken.sol'))('ISystemToken')
    const { calldata, hexOf } = await import('../../support/crossing/machineWorld.ts')
    const { system } = await createCoreWorld()
    const token = systemTokenAddress(9)
    const mint = (to: Uint8Array, amount: bigint, nonce: number) => ({
      nonce,
      from: SYSTEM_ADDRESS,
      to: token,
      mint: 0n,
      gasLimit: 100_000,
      data: calldata(abi, 'mint', [hexOf(to), amount]),
    })
    const refused = await system(mint(at('0'), 5n, 1))
    expect(refused.outcomes.map(({ status }) => status)).toEqual(['revert'])
    expect(refused.result.changes.filter(({ namespace }) => namespace === 'code')).toEqual([])
    const { result, outcomes } = await system(mint(at('b0b'), 5n, 2), mint(at('b0b'), 6n, 3))
    expect(outcomes.map(({ status }) => status)).toEqual(['success', 'success'])
    const codes = result.changes.filter(({ namespace }) => namespace === 'code')
    expect(codes.map(({ value }) => value)).toEqual([SYSTEM_TOKEN_CODE])
    expect(totalSupplyOf(result.slot, token)).toBe(11n)
    expect(systemTokenAccount({ id: 9 })).toMatchObject({ address: token, code: SYSTEM_TOKEN_CODE })
  })
})
