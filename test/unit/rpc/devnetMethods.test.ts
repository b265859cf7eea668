// Names of anvil and Hardhat on a node of a chain: none of them does anything.
import { describe, expect, it } from 'vitest'
import { UNSUPPORTED_HERE } from '../../../rpc/methods/unsupported.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

describe('a node that is no devnet', () => {
  const rpc = new RpcHarness()

  it.each([
    'evm_mine',
    'evm_increaseTime',
    'anvil_setBalance',
    'hardhat_metadata',
    ...Object.keys(UNSUPPORTED_HERE),
  ])('does not know %s', async (name) => {
    expect(await rpc.error(name, ['0x1', '0x2', '0x3', '0x4'])).toMatchObject({
      code: -32601,
      message: expect.stringContaining('does not exist/is not available'),
    })
  })

  it.each(['eth_sendTransaction', 'eth_sign', 'personal_sign', 'eth_signTypedData_v4'])(
    'signs nothing by %s',
    async (name) => {
      expect(await rpc.error(name, [])).toMatchObject({
        code: -32601,
        message: expect.stringContaining('holds no keys'),
      })
    },
  )

  it('has no accounts', async () => {
    expect(await rpc.result('eth_accounts')).toEqual([])
  })
})
