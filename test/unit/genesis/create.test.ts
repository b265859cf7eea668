import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { checksumAddress } from '../../../core/primitives/checksumAddress.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { millisOf } from '../../../core/primitives/units.ts'
import { parseAddress } from '../../../genesis/address.ts'
import { defaultCoreGenesis } from '../../../genesis/core.ts'
import {
  createGenesis,
  defaultConsensusParams,
  defaultEvmParams,
  deploymentProxy,
  WEI_PER_COIN,
} from '../../../genesis/create.ts'
import { fundedAccount, genesisHash } from '../../../genesis/genesis.ts'
import { parseGenesis } from '../../../genesis/parse.ts'
import { publicKeyHex } from './fixtures.ts'

const parts = {
  chainId: 3940,
  genesisTime: millisOf(1_769_860_800_000),
  validators: [{ name: 'one', publicKey: fromHex(publicKeyHex(1)), power: 1 }],
  accounts: [fundedAccount(new Uint8Array(20).fill(7), 5n * WEI_PER_COIN), deploymentProxy],
  consensus: defaultConsensusParams,
  evm: defaultEvmParams,
  core: defaultCoreGenesis,
}

describe('createGenesis', () => {
  it('writes a document that every node reads as the same genesis', () => {
    const created = createGenesis(parts)
    if (!created.ok) throw new Error(created.problems)
    const parsed = parseGenesis(created.text)
    if (!parsed.ok) throw new Error('refused')
    expect(parsed.value).toEqual(created.value)
    expect(genesisHash(parsed.value)).toEqual(genesisHash(created.value))
  })

  it('refuses parts that no node would accept', () => {
    const created = createGenesis({ ...parts, chainId: 0 })
    expect(created.ok ? '' : created.problems).toContain('chainId: OUT_OF_RANGE')
  })

  it('brings the deployment proxy that tools look for, by its published code hash', () => {
    expect(checksumAddress(deploymentProxy.address)).toBe(
      '0x4e59b44847b379578588920cA78FbF26c0B4956C',
    )
    expect(toHex(keccak256(deploymentProxy.code))).toBe(
      '2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989',
    )
  })
})

describe('addresses', () => {
  // The examples of EIP-55.
  it.each([
    '0x52908400098527886E0F7030069857D2E4169EE7',
    '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
    '0xde709f2102306220921060314715629080e2fb77',
    '0x27b1fdb04752bbc536007a920d24acb045561c26',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
    '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
  ])('have the checksum of EIP-55: %s', (text) => {
    const parsed = parseAddress(text)
    if (!parsed.ok) throw new Error(parsed.code)
    expect(checksumAddress(parsed.value)).toBe(text)
  })
})
